import { useQuery } from '@tanstack/react-query'
import { Button } from '../../parts/button.tsx'
import { Section } from '../../parts/page.tsx'
import { Answer } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { At, Count } from '../../parts/values.tsx'
import { checkpointQuery, saveFile } from './queries.ts'
import type { Checkpoint } from './queries.ts'

/** Where every chain stands now. */
export function HeadSection() {
  const checkpoint = useQuery(checkpointQuery)
  return (
    <Section
      title="Where it stands"
      actions={
        checkpoint.data !== undefined && (
          <Button onClick={() => keep(checkpoint.data)}>Keep a checkpoint</Button>
        )
      }
    >
      <Answer query={checkpoint}>
        {({ chains, at, public_key: key }) => (
          <div className="stack">
            <Table
              caption="The head of each chain"
              rows={chains}
              rowKey={({ chain }) => chain}
              columns={[
                { name: 'Chain', head: true, cell: ({ chain }) => chain },
                { name: 'Records', figures: true, cell: ({ seq }) => <Count value={seq} /> },
                {
                  name: 'Digest of the last',
                  cell: ({ hash }) => <code className="ledger-hash">{hash}</code>,
                },
              ]}
            />
            <p className="soft small">
              As of <At at={at} />, signed with the key <code className="ledger-hash">{key}</code>. A
              checkpoint that is kept elsewhere shows later whether the whole ledger was rewritten.
            </p>
          </div>
        )}
      </Answer>
    </Section>
  )
}

function keep(checkpoint: Checkpoint): void {
  const day = new Date(checkpoint.at).toISOString().slice(0, 19).replaceAll(':', '-')
  saveFile(`belay-checkpoint-${day}.json`, `${JSON.stringify(checkpoint, null, 2)}\n`)
}
