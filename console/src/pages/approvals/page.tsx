import { Page } from '../../parts/page.tsx'
import { EmptyState } from '../../parts/states.tsx'

export function ApprovalsPage() {
  return (
    <Page title="Approvals">
      <EmptyState title="Nothing is here yet." />
    </Page>
  )
}
