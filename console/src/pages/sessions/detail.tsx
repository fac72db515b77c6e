import { useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { useRecords } from '../../api/live.ts'
import { Button, ButtonLink } from '../../parts/button.tsx'
import { count, duration, money } from '../../parts/format.ts'
import { Tiles } from '../../parts/facts.tsx'
import { Page } from '../../parts/page.tsx'
import { Answer } from '../../parts/states.tsx'
import { At } from '../../parts/values.tsx'
import { spansQuery } from './queries.ts'
import type { Session, SessionPage } from './queries.ts'
import { SpanPanel } from './span-panel.tsx'
import { treeOf } from './span-tree.ts'
import { TreeGrid } from './tree-grid.tsx'

/** Beyond that one is told that there is more instead of everything being asked again. */
const FOLLOWED = 2_000
const PAUSE_MS = 1_000

export function SessionDetail({ id, agent }: { readonly id: string; readonly agent: string }) {
  const spans = useInfiniteQuery(spansQuery(agent, id))
  const { hasNextPage, isFetchingNextPage, isError, fetchNextPage } = spans
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && !isError) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, isError, fetchNextPage])
  const loaded = spans.data?.pages.reduce((sum, page) => sum + page.spans.length, 0) ?? 0
  const [isOld, renew] = useNews(agent, loaded <= FOLLOWED, () => spans.refetch())
  return (
    <Page
      title={`Session ${id}`}
      wide
      actions={
        <ButtonLink to="/sessions" kind="quiet">
          All sessions
        </ButtonLink>
      }
    >
      <Answer query={spans} lines={12}>
        {({ pages }) => (
          <>
            <Totals session={pages.at(-1)!.session} />
            {isOld && (
              <div className="note note-info" role="status">
                <span>The agent did something since.</span>
                <Button size="small" onClick={renew}>
                  Show it
                </Button>
              </div>
            )}
            <Tree pages={pages} isComplete={!spans.hasNextPage} />
          </>
        )}
      </Answer>
    </Page>
  )
}

/** Whether the agent did something since, where that is not shown by itself. */
function useNews(
  agent: string,
  follow: boolean,
  refetch: () => Promise<unknown>,
): readonly [boolean, () => void] {
  const [news, setNews] = useState(0)
  useRecords((record) => {
    if (record.agent === agent) setNews((before) => before + 1)
  })
  const renew = (): void => {
    setNews(0)
    void refetch()
  }
  useEffect(() => {
    if (news === 0 || !follow) return undefined
    const timer = setTimeout(() => {
      setNews(0)
      void refetch()
    }, PAUSE_MS)
    return () => clearTimeout(timer)
    // The first news starts the clock; what comes until then is asked for with it.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [news > 0, follow])
  return [news > 0 && !follow, renew]
}

function Totals({ session }: { readonly session: Session }) {
  const { actions, denied, held, failed, tokens } = session
  const lasted = Date.parse(session.ended_at) - Date.parse(session.started_at)
  const sums: (readonly [string, string, ('bad' | 'warn')?])[] = [
    [actions === 1 ? 'Action' : 'Actions', count(actions)],
    ['From first to last', duration(lasted)],
    ['Cost', money(session.cost_usd)],
    ['Tokens in', count(tokens.input)],
    ['Tokens out', count(tokens.output)],
    ...(failed > 0 ? [['Failed', count(failed), 'bad'] as const] : []),
    ...(denied > 0 ? [['Denied', count(denied), 'bad'] as const] : []),
    ...(held > 0 ? [['Held', count(held), 'warn'] as const] : []),
  ]
  const said = [
    session.models.length > 0 && `models ${session.models.join(', ')}`,
    session.prompts.length > 0 && `prompts ${session.prompts.join(', ')}`,
    session.releases.length > 0 && `releases ${session.releases.join(', ')}`,
  ].filter((each) => each !== false)
  return (
    <div className="stack">
      <Tiles tiles={sums} />
      <p className="soft small session-said">
        {session.agent}, began <At at={session.started_at} />
        {said.length > 0 && ` · ${said.join(' · ')}`}
      </p>
    </div>
  )
}

function Tree({
  pages,
  isComplete,
}: {
  readonly pages: readonly SessionPage[]
  readonly isComplete: boolean
}) {
  const tree = useMemo(() => treeOf(pages.flatMap((page) => page.spans)), [pages])
  const [chosen, setChosen] = useState<string | null>(null)
  const node = chosen === null ? undefined : tree.nodes.find(({ span }) => span.id === chosen)
  return (
    <div className="session-body" data-open={node !== undefined}>
      <TreeGrid tree={tree} isComplete={isComplete} chosen={chosen} onChoose={setChosen} />
      {node !== undefined && <SpanPanel key={node.span.id} node={node} onClose={() => setChosen(null)} />}
    </div>
  )
}
