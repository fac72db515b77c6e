import type { ResultRule } from '../../policy/policy.ts'
import type { ProviderCall, UpstreamHeaders } from './called.ts'
import type { GatewayContext } from './gateway-context.ts'
import type { Plan } from './plan-call.ts'
import { StreamedAnswer } from './streamed-answer.ts'
import type { StreamFormat } from './wire-formats/wire-format.ts'

/** How an answer is brought to the agent: read event by event, read whole, passed unread, or as a failure. */
export type AnswerMode = 'stream' | 'whole' | 'through' | 'error'

const EVENT_STREAM = 'text/event-stream'
const UNREAD: ReadonlySet<string> = new Set(['model.request', 'model.list', 'model.count'])

export function modeOf(
  { format, request }: Plan,
  status: number,
  headers: UpstreamHeaders,
  rule: ResultRule | null,
): AnswerMode {
  if (status < 200 || status >= 300) return 'error'
  if (UNREAD.has(format.operation)) return rule === null ? 'through' : 'whole'
  const type = headers['content-type']
  const streams = typeof type === 'string' && type.startsWith(EVENT_STREAM)
  return format.stream !== null && request.stream && streams ? 'stream' : 'whole'
}

export function openStream(
  { flow, limits }: GatewayContext,
  { plan, action, rule, asArray, judgeCalls }: ProviderCall,
): StreamedAnswer {
  return new StreamedAnswer({
    format: plan.format.stream as StreamFormat,
    request: plan.request,
    judge: rule === null ? null : (result) => flow.judgeResult(action, result),
    hold: rule?.hold ?? 0,
    observing: action.mode === 'observe',
    maxEvent: limits.event,
    asArray,
    judgeCalls,
  })
}
