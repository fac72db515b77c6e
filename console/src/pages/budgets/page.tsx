import { Page } from '../../parts/page.tsx'
import { EmptyState } from '../../parts/states.tsx'

export function BudgetsPage() {
  return (
    <Page title="Budgets">
      <EmptyState title="Nothing is here yet." />
    </Page>
  )
}
