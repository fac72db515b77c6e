import { useQuery } from '@tanstack/react-query'
import { Badge } from '../../parts/badge.tsx'
import { ButtonLink } from '../../parts/button.tsx'
import { Field, Select } from '../../parts/field.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Answer } from '../../parts/states.tsx'
import { Table } from '../../parts/table.tsx'
import { useFilters } from '../../parts/use-filters.ts'
import { Ago, Nothing } from '../../parts/values.tsx'
import { Difference } from './difference.tsx'
import { promptQuery, sumsQuery } from './queries.ts'
import type { VersionBrief } from './queries.ts'
import { SINCE_OPTIONS, useFrom } from './since.ts'
import { together } from './sums.ts'
import { sumsColumns } from './sums-columns.tsx'

/** The versions of a prompt, what became of the calls with each, and what changed between two. */
export function PromptDetail({ name }: { readonly name: string }) {
  const [filters, setFilters] = useFilters({ since: 'week', before: '', after: '' })
  const prompt = useQuery(promptQuery(name))
  const sums = useQuery(sumsQuery('prompt', useFrom(filters.since), name))
  return (
    <Page
      title={name}
      actions={
        <>
          <Field label="Counted" hideLabel>
            <Select
              value={filters.since}
              onChange={(event) => setFilters({ since: event.target.value })}
              options={SINCE_OPTIONS}
            />
          </Field>
          <ButtonLink to="/prompts" kind="quiet">
            All prompts
          </ButtonLink>
        </>
      }
    >
      <Answer query={prompt}>
        {({ versions }) => {
          const newest = versions[0]!.version
          const numbers = new Set(versions.map(({ version }) => version))
          const chosen = (text: string, otherwise: number): number =>
            numbers.has(Number(text)) ? Number(text) : otherwise
          const after = chosen(filters.after, newest)
          const before = chosen(filters.before, Math.max(1, after - 1))
          return (
            <>
              <Section title="Versions">
                <Table
                  caption={`Versions of ${name}, the newest first`}
                  rows={versions}
                  rowKey={({ version }) => String(version)}
                  columns={[
                    { name: 'Version', head: true, cell: ({ version }) => version },
                    { name: 'Labels', cell: ({ labels }) => <Labels labels={labels} /> },
                    {
                      name: 'Made',
                      cell: ({ created_at: at, created_by: by }) => (
                        <span>
                          <Ago at={at} /> <span className="soft small">by {by}</span>
                        </span>
                      ),
                    },
                    { name: 'Why', wideOnly: true, cell: ({ note }) => note ?? <Nothing /> },
                    ...sumsColumns<VersionBrief>(({ version }) =>
                      together((sums.data ?? []).filter(({ key }) => key === `${name}@${version}`)),
                    ),
                  ]}
                />
              </Section>
              <Section
                title="What changed"
                actions={
                  <>
                    <VersionChoice
                      label="From version"
                      value={before}
                      versions={versions}
                      onChange={(value) => setFilters({ before: value })}
                    />
                    <VersionChoice
                      label="to"
                      value={after}
                      versions={versions}
                      onChange={(value) => setFilters({ after: value })}
                    />
                  </>
                }
              >
                <Difference name={name} before={before} after={after} />
              </Section>
            </>
          )
        }}
      </Answer>
    </Page>
  )
}

function Labels({ labels }: { readonly labels: readonly string[] }) {
  if (labels.length === 0) return <Nothing />
  return (
    <span className="row">
      {labels.map((label) => (
        <Badge key={label} tone={label === 'production' ? 'good' : 'neutral'}>
          {label}
        </Badge>
      ))}
    </span>
  )
}

function VersionChoice({
  label,
  value,
  versions,
  onChange,
}: {
  readonly label: string
  readonly value: number
  readonly versions: readonly VersionBrief[]
  readonly onChange: (value: string) => void
}) {
  return (
    <label className="prompt-choice">
      <span className="soft small">{label}</span>
      <Select
        value={String(value)}
        onChange={(event) => onChange(event.target.value)}
        options={versions.map(({ version, labels }) => [
          String(version),
          labels.length === 0 ? String(version) : `${version} (${labels.join(', ')})`,
        ])}
      />
    </label>
  )
}
