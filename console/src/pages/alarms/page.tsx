import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useRef } from 'react'
import { agentsQuery, meQuery } from '../../api/queries.ts'
import { sentenceOf } from '../../api/problem.ts'
import { Button, ButtonLink } from '../../parts/button.tsx'
import { Facts } from '../../parts/facts.tsx'
import { Field, Select } from '../../parts/field.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Answer, EmptyState } from '../../parts/states.tsx'
import { useShortcuts } from '../../parts/shortcuts.ts'
import { say } from '../../parts/toast.tsx'
import { useFilters } from '../../parts/use-filters.ts'
import { At } from '../../parts/values.tsx'
import { AlarmItem, useAnswerAlarm } from './alarm-item.tsx'
import { groupsOf, KINDS } from './kinds.ts'
import type { Grouping } from './kinds.ts'
import { alarmQuery, alarmsQuery } from './queries.ts'

const DEFAULTS = { state: 'open', agent: '', kind: '', group: 'agent' }

/** What people were told of, and what was done about it. */
export function AlarmsPage() {
  const { id } = useParams({ strict: false }) as { readonly id?: string }
  return id === undefined ? <AlarmList /> : <OneAlarm id={id} />
}

function AlarmList() {
  const [filters, setFilters] = useFilters(DEFAULTS)
  const { data: agents = [] } = useQuery(agentsQuery)
  const { group, ...filter } = filters
  const alarms = useInfiniteQuery(
    alarmsQuery({ ...filter, state: filter.state === 'all' ? '' : filter.state }),
  )
  const names = [...new Set([...agents.map(({ name }) => name), filters.agent])].filter((name) => name !== '')
  const list = useRef<HTMLDivElement>(null)
  useAlarmKeys(list)
  return (
    <Page
      title="Alarms"
      intro="What is abnormal. People are told once; what nobody has acknowledged, again after an hour."
    >
      <form className="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <Field label="State">
          <Select
            value={filters.state}
            onChange={(event) => setFilters({ state: event.target.value })}
            options={[
              ['open', 'open'],
              ['over', 'over'],
              ['all', 'all'],
            ]}
          />
        </Field>
        <Field label="Agent">
          <Select
            value={filters.agent}
            onChange={(event) => setFilters({ agent: event.target.value })}
            options={[['', 'all'], ...names.map((name) => [name, name] as const)]}
          />
        </Field>
        <Field label="About">
          <Select
            value={filters.kind}
            onChange={(event) => setFilters({ kind: event.target.value })}
            options={[['', 'everything'], ...Object.entries(KINDS)]}
          />
        </Field>
        <Field label="Group by">
          <Select
            value={group}
            onChange={(event) => setFilters({ group: event.target.value })}
            options={[
              ['agent', 'agent'],
              ['kind', 'what it is about'],
              ['none', 'nothing'],
            ]}
          />
        </Field>
      </form>
      <Answer query={alarms} lines={6}>
        {({ pages }) => {
          const items = pages.flatMap((page) => page.items)
          if (items.length === 0) return <NoAlarms filter={filter} onClear={() => setFilters(DEFAULTS)} />
          return (
            <div className="stack" ref={list}>
              {groupsOf(items, group as Grouping).map(({ key, title, alarms: members }) => (
                <Section key={key} title={`${title} (${members.length})`}>
                  <ul className="concerns">
                    {members.map((alarm) => (
                      <li key={alarm.id}>
                        <AlarmItem alarm={alarm} />
                      </li>
                    ))}
                  </ul>
                </Section>
              ))}
              {alarms.hasNextPage && (
                <div className="row">
                  <Button busy={alarms.isFetchingNextPage} onClick={() => void alarms.fetchNextPage()}>
                    Show older ones
                  </Button>
                </div>
              )}
              <p className="soft small keys-hint">
                <kbd>J</kbd> and <kbd>K</kbd> move, <kbd>A</kbd> acknowledges, <kbd>R</kbd> resolves,{' '}
                <kbd>P</kbd> pauses the agent.
              </p>
            </div>
          )
        }}
      </Answer>
    </Page>
  )
}

/** What the keys do is done to the alarm in which the focus is. */
function useAlarmKeys(list: React.RefObject<HTMLDivElement | null>): void {
  const { data: me } = useQuery(meQuery)
  const answering = useAnswerAlarm()
  const here = (): HTMLElement | null => document.activeElement?.closest<HTMLElement>('[data-alarm]') ?? null
  const move = (by: 1 | -1): void => {
    const all = [...(list.current?.querySelectorAll<HTMLElement>('[data-alarm]') ?? [])]
    const at = here()
    const from = at === null ? (by === 1 ? -1 : all.length) : all.indexOf(at)
    all[Math.min(all.length - 1, Math.max(0, from + by))]?.querySelector('a')?.focus()
  }
  const answer = (outcome: 'acknowledge' | 'resolve'): void => {
    const id = here()?.dataset['alarm']
    if (id === undefined || answering.isPending || me?.permissions.includes('operate') !== true) return
    answering.mutate({ id, outcome }, { onError: (error) => say(sentenceOf(error)) })
  }
  useShortcuts({
    j: () => move(1),
    k: () => move(-1),
    a: () => answer('acknowledge'),
    r: () => answer('resolve'),
    p: () => here()?.querySelector<HTMLElement>('.agent-buttons button')?.click(),
  })
}

function NoAlarms({
  filter,
  onClear,
}: {
  readonly filter: Readonly<Record<string, string>>
  readonly onClear: () => void
}) {
  if (filter['agent'] !== '' || filter['kind'] !== '')
    return (
      <EmptyState title="No alarm is like that.">
        <Button onClick={onClear}>Show all that are open</Button>
      </EmptyState>
    )
  return (
    <EmptyState title={filter['state'] === 'open' ? 'Nothing is abnormal.' : 'No alarm was raised yet.'}>
      Alarms are raised when an agent behaves unlike itself, fails too often, spends too fast, is paused or
      waits long for people. They stand here with or without a channel.
    </EmptyState>
  )
}

function OneAlarm({ id }: { readonly id: string }) {
  const alarm = useQuery(alarmQuery(id))
  return (
    <Page
      title="Alarm"
      actions={
        <ButtonLink to="/alarms" kind="quiet">
          All alarms
        </ButtonLink>
      }
    >
      <Answer query={alarm}>
        {(found) => (
          <>
            <AlarmItem alarm={found} />
            <Section title="When and who">
              <Facts
                facts={[
                  ['First', <At key="first" at={found.raised_at} />],
                  ['Last', <At key="last" at={found.last_at} />],
                  ['How often', String(found.count)],
                  found.acknowledged_at === null
                    ? undefined
                    : [
                        'Acknowledged',
                        <span key="seen">
                          by {found.acknowledged_by}, <At at={found.acknowledged_at} />
                        </span>,
                      ],
                  found.resolved_at === null
                    ? undefined
                    : [
                        'Over',
                        <span key="over">
                          {found.resolved_by === null ? 'by itself' : `by ${found.resolved_by}`},{' '}
                          <At at={found.resolved_at} />
                        </span>,
                      ],
                ]}
              />
            </Section>
          </>
        )}
      </Answer>
    </Page>
  )
}
