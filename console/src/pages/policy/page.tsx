import { useQuery } from '@tanstack/react-query'
import { Page } from '../../parts/page.tsx'
import { Answer } from '../../parts/states.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { useFilters } from '../../parts/use-filters.ts'
import { FileView } from './file-view.tsx'
import { fileQuery } from './queries.ts'
import { WhatIf } from './what-if.tsx'
import './policy.css'

export function PolicyPage() {
  const file = useQuery(fileQuery)
  const [{ view }, setFilters] = useFilters({ view: 'file' })
  return (
    <Page
      title="Policy"
      intro="What agents may do. It is changed in its file, which belongs under version control; Belay loads it when it changes. Nothing is saved here."
    >
      <Answer query={file} lines={10}>
        {(found) => (
          <Tabs
            label="Policy"
            value={view === 'what-if' ? 'what-if' : 'file'}
            onChange={(next) => setFilters({ view: next })}
            tabs={[
              { value: 'file', label: 'The file', content: <FileView file={found} /> },
              { value: 'what-if', label: 'What if …', content: <WhatIf file={found} /> },
            ]}
          />
        )}
      </Answer>
    </Page>
  )
}
