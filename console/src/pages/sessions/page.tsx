import { Page } from '../../parts/page.tsx'
import { EmptyState } from '../../parts/states.tsx'

export function SessionsPage() {
  return (
    <Page title="Sessions">
      <EmptyState title="Nothing is here yet." />
    </Page>
  )
}
