import { Page } from '../../parts/page.tsx'
import { EmptyState } from '../../parts/states.tsx'

export function LedgerPage() {
  return (
    <Page title="Ledger">
      <EmptyState title="Nothing is here yet." />
    </Page>
  )
}
