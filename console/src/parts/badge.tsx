import type { ReactNode } from 'react'
import type { ActionState, Decision } from '../api/answers.ts'
import './badge.css'

export type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'info'

/** A word about the state of something. The word says it; the colour only repeats it. */
export function Badge({
  tone = 'neutral',
  children,
}: {
  readonly tone?: Tone
  readonly children: ReactNode
}) {
  return <span className={`badge badge-${tone}`}>{children}</span>
}

const TONE_OF_STATE: Readonly<Record<ActionState | 'active' | 'paused' | 'stopped', Tone>> = {
  denied: 'bad',
  held: 'warn',
  ready: 'info',
  executing: 'info',
  succeeded: 'good',
  failed: 'bad',
  unknown: 'warn',
  undone: 'neutral',
  expired: 'neutral',
  cancelled: 'neutral',
  active: 'good',
  paused: 'warn',
  stopped: 'bad',
}

/** The state of an action or an agent. */
export function StateBadge({ state }: { readonly state: keyof typeof TONE_OF_STATE }) {
  return <Badge tone={TONE_OF_STATE[state] ?? 'neutral'}>{state}</Badge>
}

const OF_DECISION: Readonly<Record<Decision, readonly [Tone, string]>> = {
  allow: ['good', 'allowed'],
  transform: ['info', 'changed'],
  require_approval: ['warn', 'needs approval'],
  deny: ['bad', 'denied'],
}

export function DecisionBadge({ decision }: { readonly decision: Decision }) {
  const [tone, text] = OF_DECISION[decision] ?? ['neutral', decision]
  return <Badge tone={tone}>{text}</Badge>
}
