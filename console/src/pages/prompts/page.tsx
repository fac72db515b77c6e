import { Page } from '../../parts/page.tsx'
import { EmptyState } from '../../parts/states.tsx'

export function PromptsPage() {
  return (
    <Page title="Prompts & models">
      <EmptyState title="Nothing is here yet." />
    </Page>
  )
}
