import { useParams } from '@tanstack/react-router'
import { Field, Select } from '../../parts/field.tsx'
import { Page } from '../../parts/page.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { useFilters } from '../../parts/use-filters.ts'
import { ModelsView } from './models.tsx'
import { PromptDetail } from './detail.tsx'
import { PromptsView } from './prompts.tsx'
import { SINCE_OPTIONS, useFrom } from './since.ts'
import './prompts.css'

export function PromptsPage() {
  const { name } = useParams({ strict: false })
  return name === undefined ? <InUse /> : <PromptDetail key={name} name={name} />
}

function InUse() {
  const [{ view, since }, setFilters] = useFilters({ view: 'prompts', since: 'week' })
  const from = useFrom(since)
  return (
    <Page
      title="Prompts & models"
      intro="Which are in use, what became of their calls, and what they cost."
      actions={
        <Field label="Counted" hideLabel>
          <Select
            value={since}
            onChange={(event) => setFilters({ since: event.target.value })}
            options={SINCE_OPTIONS}
          />
        </Field>
      }
    >
      <Tabs
        label="Prompts and models"
        value={view === 'models' ? 'models' : 'prompts'}
        onChange={(next) => setFilters({ view: next })}
        tabs={[
          { value: 'prompts', label: 'Prompts', content: <PromptsView from={from} /> },
          { value: 'models', label: 'Models', content: <ModelsView from={from} /> },
        ]}
      />
    </Page>
  )
}
