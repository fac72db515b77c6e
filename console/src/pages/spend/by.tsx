import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Field, Select } from '../../parts/field.tsx'
import { percent } from '../../parts/format.ts'
import { Section } from '../../parts/page.tsx'
import { Answer, EmptyState } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import { Count, Money } from '../../parts/values.tsx'
import { spentQuery, tagNamesQuery } from './queries.ts'
import type { SpentBy } from './queries.ts'

const GROUPS = ['agent', 'model', 'tag', 'prompt', 'action'] as const
type Group = (typeof GROUPS)[number]

const NAMES: Readonly<Record<Group, string>> = {
  agent: 'Agents',
  model: 'Models',
  tag: 'Tags',
  prompt: 'Prompts',
  action: 'Actions',
}

/** What the money was for. */
export function SpentOn({
  from,
  by,
  tag,
  onBy,
  onTag,
}: {
  readonly from: string
  readonly by: string
  readonly tag: string
  readonly onBy: (by: string) => void
  readonly onTag: (tag: string) => void
}) {
  const shown = GROUPS.find((each) => each === by) ?? 'agent'
  return (
    <Section title="What it was for">
      <Tabs
        label="What it was for"
        value={shown}
        onChange={onBy}
        tabs={GROUPS.map((value) => ({
          value,
          label: NAMES[value],
          content:
            value === 'tag' ? (
              <ByTag from={from} tag={tag} onTag={onTag} />
            ) : (
              <Spent by={value} from={from} name={NAMES[value]} />
            ),
        }))}
      />
    </Section>
  )
}

function ByTag({
  from,
  tag,
  onTag,
}: {
  readonly from: string
  readonly tag: string
  readonly onTag: (tag: string) => void
}) {
  const names = useQuery(tagNamesQuery(from))
  return (
    <Answer query={names}>
      {(items) => {
        if (items.length === 0)
          return (
            <EmptyState title="No action was given a tag in this time.">
              Say what actions are for, such as <code>belay propose … --tag campaign=spring</code>, and what
              each campaign, customer or experiment costs stands here.
            </EmptyState>
          )
        const shown = items.includes(tag) ? tag : items[0]!
        return (
          <div className="stack">
            <div className="row">
              <Field label="Tag">
                <Select value={shown} onChange={(event) => onTag(event.target.value)} options={items} />
              </Field>
            </div>
            <Spent by={`tag:${shown}`} from={from} name={shown} />
          </div>
        )
      }}
    </Answer>
  )
}

function Spent({ by, from, name }: { readonly by: SpentBy; readonly from: string; readonly name: string }) {
  const spent = useQuery(spentQuery(by, from))
  return (
    <Answer query={spent}>
      {(rows) => {
        if (rows.length === 0) return <EmptyState title="Nothing was spent in this time." />
        const sum = rows.reduce((all, { usd }) => all + usd, 0)
        return (
          <Table
            caption={`${name} by what they cost, the dearest first`}
            rows={rows}
            rowKey={({ key }) => key ?? ''}
            columns={[
              { name, head: true, cell: ({ key }) => <Key by={by} value={key} /> },
              { name: 'Cost', figures: true, half: true, cell: ({ usd }) => <Money usd={usd} /> },
              { name: 'Share', figures: true, half: true, cell: ({ usd }) => percent(usd / sum) },
              {
                name: 'Actions',
                figures: true,
                half: true,
                cell: ({ actions }) => <Count value={actions} />,
              },
              {
                name: 'An action',
                figures: true,
                half: true,
                cell: ({ usd, actions }) => <Money usd={actions === 0 ? 0 : usd / actions} />,
              },
            ]}
          />
        )
      }}
    </Answer>
  )
}

function Key({ by, value }: { readonly by: SpentBy; readonly value: string | null }) {
  if (value === null) return <span className="soft">without</span>
  if (by === 'agent')
    return (
      <Link to="/agents/$name" params={{ name: value }}>
        {value}
      </Link>
    )
  if (by === 'action')
    return (
      <Link to="/actions" search={{ action: value }}>
        {value}
      </Link>
    )
  if (by === 'model' || by === 'prompt')
    return (
      <Link to="/sessions" search={{ [by]: value }}>
        {value}
      </Link>
    )
  return value
}
