import { Page } from '../../parts/page.tsx'
import { EmptyState } from '../../parts/states.tsx'

export function PolicyPage() {
  return (
    <Page title="Policy">
      <EmptyState title="Nothing is here yet." />
    </Page>
  )
}
