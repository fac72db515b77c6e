import { Page } from '../../parts/page.tsx'
import { EmptyState } from '../../parts/states.tsx'

export function ActionsPage() {
  return (
    <Page title="Actions">
      <EmptyState title="Nothing is here yet." />
    </Page>
  )
}
