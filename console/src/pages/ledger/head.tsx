import { useMutation, useQuery } from '@tanstack/react-query'
import { sentenceOf } from '../../api/problem.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Section } from '../../parts/page.tsx'
import { Answer, ErrorNote, Note } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { say } from '../../parts/toast.tsx'
import { Ago, Count, Nothing } from '../../parts/values.tsx'
import { getText, logsQuery, saveFile } from './queries.ts'
import type { Log, Logs, Witness } from './queries.ts'

/** Where every chain stands now, and what witnesses say of it. */
export function HeadSection() {
  const logs = useQuery(logsQuery)
  const keeping = useMutation({
    mutationFn: () => getText('/v1/ledger/checkpoint'),
    onSuccess: (checkpoint) => {
      const now = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
      saveFile(`belay-checkpoint-${now}.txt`, checkpoint)
      say('The checkpoint is in your downloads. Keep it where Belay cannot write.')
    },
  })
  return (
    <Section
      title="Where it stands"
      actions={
        <Button busy={keeping.isPending} onClick={() => keeping.mutate()}>
          Keep a checkpoint
        </Button>
      }
    >
      <div className="stack">
        {keeping.error !== null && <ErrorNote>{sentenceOf(keeping.error)}</ErrorNote>}
        <Answer query={logs}>{(found) => <Heads logs={found} />}</Answer>
      </div>
    </Section>
  )
}

function Heads({ logs }: { readonly logs: Logs }) {
  const isWitnessed = logs.items.some(({ witnesses }) => witnesses.length > 0)
  const witnesses = logs.items.flatMap((log) => log.witnesses.map((witness) => ({ ...witness, log })))
  const bad = witnesses.filter(({ problem }) => problem === 'fork' || problem === 'rolled_back')
  return (
    <>
      {bad.length > 0 && (
        <Note tone="bad">
          <strong>
            A witness has signed something else than what is stored here. Verify the ledger now.
          </strong>
        </Note>
      )}
      <Table
        caption="The log of each chain"
        rows={logs.items}
        rowKey={({ chain }) => chain}
        columns={[
          {
            name: 'Chain',
            head: true,
            cell: ({ chain, live }) => (
              <>
                {chain} {!live && <Badge>ended</Badge>}
              </>
            ),
          },
          { name: 'Records', figures: true, cell: ({ records }) => <Count value={records} /> },
          {
            name: 'In the tree',
            figures: true,
            cell: ({ size, records }) => (size >= records ? 'all' : <Count value={size} />),
          },
          ...(isWitnessed
            ? [
                {
                  name: 'Witnessed',
                  figures: true,
                  cell: ({ witnessed_size: size }: Log) =>
                    size === null ? <Nothing /> : <Count value={size} />,
                },
              ]
            : []),
          {
            name: 'Known as',
            wideOnly: true,
            cell: ({ origin }) => <code className="ledger-hash">{origin}</code>,
          },
        ]}
      />
      {witnesses.length > 0 ? (
        <>
          <h3>Witnesses</h3>
          <Table
            caption="What witnesses say of the logs"
            rows={witnesses}
            rowKey={({ name, log }) => `${name} ${log.chain}`}
            rowTone={({ problem }) =>
              problem === null ? undefined : problem === 'unreachable' ? 'warn' : 'bad'
            }
            columns={[
              { name: 'Witness', head: true, cell: ({ name }) => name },
              { name: 'Chain', cell: ({ log }) => log.chain },
              { name: 'State', cell: (witness) => <WitnessState witness={witness} /> },
              { name: 'Signed up to', figures: true, cell: ({ size }) => <Count value={size} /> },
              { name: 'Asked', cell: ({ at }) => (at === null ? <Nothing /> : <Ago at={at} />) },
              { name: 'It said', wideOnly: true, cell: ({ message }) => message ?? <Nothing /> },
            ]}
          />
          <p className="soft small">
            {logs.quorum} of them must have signed. They keep Belay, and whoever runs it, from showing
            different ledgers to different people.
          </p>
        </>
      ) : (
        <Note>
          <div>
            <strong>No witness signs this ledger.</strong>
            <p>
              Name some under <code>ledger:</code> in the policy, or keep checkpoints elsewhere: without
              either, whoever can write here could rewrite all of it unnoticed.
            </p>
          </div>
        </Note>
      )}
      <p className="soft small">
        The key of the log: <code className="ledger-hash">{logs.key}</code>. Whoever verifies must know it
        from elsewhere.
      </p>
    </>
  )
}

const PROBLEM: Readonly<Record<NonNullable<Witness['problem']>, readonly ['bad' | 'warn', string]>> = {
  fork: ['bad', 'knows another ledger'],
  rolled_back: ['bad', 'has seen more'],
  refused: ['bad', 'refuses to sign'],
  unreachable: ['warn', 'cannot be reached'],
}

function WitnessState({ witness }: { readonly witness: Witness }) {
  if (witness.problem === null) return <Badge tone="good">signed</Badge>
  const [tone, text] = PROBLEM[witness.problem]
  return <Badge tone={tone}>{text}</Badge>
}
