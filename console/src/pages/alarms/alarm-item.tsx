import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { sentenceOf } from '../../api/problem.ts'
import { agentsQuery, meQuery } from '../../api/queries.ts'
import type { Alarm } from '../../api/answers.ts'
import { AcceptButton } from '../../parts/accept-button.tsx'
import { AgentButtons } from '../../parts/agent-buttons.tsx'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Icon } from '../../parts/icon.tsx'
import { ErrorNote } from '../../parts/states.tsx'
import { say } from '../../parts/toast.tsx'
import { Ago } from '../../parts/values.tsx'
import { kindOf } from './kinds.ts'
import { answerAlarm } from './queries.ts'

/** One alarm: what happened, in numbers, and what can be done about it right there. */
export function AlarmItem({ alarm }: { readonly alarm: Alarm }) {
  const { id, title, facts, urgent, count, act, agent, session, action } = alarm
  const isOpen = alarm.resolved_at === null
  return (
    <article className="concern" data-tone={!isOpen ? 'over' : urgent ? 'bad' : 'warn'} data-alarm={id}>
      <Icon name={isOpen ? 'warning' : 'approvals'} />
      <div className="concern-text">
        <h3>
          <Link to="/alarms/$id" params={{ id }}>
            {title}
          </Link>
        </h3>
        <p className="row">
          <AlarmBadges alarm={alarm} />
          <span className="soft small">
            {kindOf(alarm)} · {count === 1 ? 'once' : `${count} times`}, last <Ago at={alarm.last_at} />
          </span>
        </p>
        {facts.map((fact) => (
          <p key={fact}>{fact}</p>
        ))}
        <p className="row small">
          {agent !== null && (
            <Link to="/agents/$name" params={{ name: agent }}>
              agent {agent}
            </Link>
          )}
          {session !== null && agent !== null && (
            <Link to="/sessions/$id" params={{ id: session }} search={{ agent }}>
              session {session}
            </Link>
          )}
          {action !== null && (
            <Link to="/actions/$id" params={{ id: action }}>
              the action
            </Link>
          )}
        </p>
        {isOpen && <p className="soft small">What to do: {act}</p>}
        {isOpen && <AlarmButtons alarm={alarm} />}
      </div>
    </article>
  )
}

function AlarmBadges({ alarm }: { readonly alarm: Alarm }) {
  const { urgent, acknowledged_by: seenBy, resolved_at: overAt, resolved_by: overBy } = alarm
  if (overAt !== null) return <Badge tone="good">{overBy === null ? 'over' : `resolved by ${overBy}`}</Badge>
  return (
    <>
      {urgent && <Badge tone="bad">urgent</Badge>}
      {seenBy === null ? (
        <Badge tone="warn">open</Badge>
      ) : (
        <Badge tone="info">acknowledged by {seenBy}</Badge>
      )}
    </>
  )
}

/** What the buttons and the keys do about an alarm. */
export function useAnswerAlarm() {
  return useMutation({
    mutationFn: async ({
      id,
      outcome,
    }: {
      readonly id: string
      readonly outcome: 'acknowledge' | 'resolve'
    }) => answerAlarm(id, outcome),
    onSuccess: ({ title }, { outcome }) =>
      say(outcome === 'resolve' ? `Resolved: ${title}` : `Acknowledged: ${title}`),
  })
}

function AlarmButtons({ alarm }: { readonly alarm: Alarm }) {
  const { data: me } = useQuery(meQuery)
  const { data: agents = [] } = useQuery(agentsQuery)
  const answering = useAnswerAlarm()
  const agent = agents.find(({ name }) => name === alarm.agent)
  if (me?.permissions.includes('operate') !== true) return null
  const about = <span className="unseen">: {alarm.title}</span>
  return (
    <>
      <p className="row">
        {alarm.acknowledged_at === null && (
          <Button
            size="small"
            busy={answering.isPending}
            onClick={() => answering.mutate({ id: alarm.id, outcome: 'acknowledge' })}
          >
            Acknowledge{about}
          </Button>
        )}
        <Button
          size="small"
          busy={answering.isPending}
          onClick={() => answering.mutate({ id: alarm.id, outcome: 'resolve' })}
        >
          Resolve{about}
        </Button>
        {agent !== undefined && (
          <AgentButtons agent={agent} only={agent.state === 'active' ? 'paused' : 'active'} />
        )}
        {alarm.kind === 'anomaly' && alarm.agent !== null && <AcceptButton agent={alarm.agent} />}
      </p>
      {answering.error !== null && <ErrorNote>{sentenceOf(answering.error)}</ErrorNote>}
    </>
  )
}
