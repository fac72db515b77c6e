import type { JsonObject } from '../../action/json.ts'
import type { ExitReport, Quotas, Usage } from '../../flow/contain/sandbox/provider.ts'
import { isoTime } from '../http-api/action-answer.ts'
import type { ProcessEvent, ProcessView } from './agent-process.ts'

/** What became of a process, in words. */
export function endOf({ cause, code, signal, detail }: ExitReport): string {
  const how =
    cause === 'exited'
      ? `ended with exit code ${code ?? 'unknown'}`
      : cause === 'signal'
        ? `ended by ${signal ?? 'a signal'}`
        : `ended: ${cause}`
  return detail === '' ? how : `${how} (${detail})`
}

/** What the record of an event holds. */
export function eventBody(event: ProcessEvent): JsonObject {
  switch (event.event) {
    case 'started':
      return { event: 'started', provider: event.provider, restarts: event.restarts }
    case 'not_started':
      return { event: 'not_started', code: event.code, detail: event.detail, retry_ms: event.retryMs }
    case 'ended': {
      const { cause, code, signal, detail, usage } = event.report
      return {
        event: 'ended',
        cause,
        code,
        signal,
        detail,
        ran_ms: Math.round(usage.wallMs),
        usage: usageBody(usage),
        retry_ms: event.retryMs,
      }
    }
  }
}

/** Usage as it is answered and recorded: base units in the names. */
function usageBody(usage: Usage): JsonObject {
  return {
    memory_bytes: usage.memory,
    memory_peak_bytes: usage.memoryPeak,
    cpu_ms: usage.cpuMs === null ? null : Math.round(usage.cpuMs),
    processes: usage.processes,
    wall_ms: Math.round(usage.wallMs),
    forks_refused: usage.forksRefused,
    throttled_ms: usage.throttledMs === null ? null : Math.round(usage.throttledMs),
  }
}

/** As the API answers it. */
export function processAnswer(view: ProcessView): JsonObject {
  const { state, provider, pid, runningSince, restarts, nextStartAt, lastExit, usage, quotas } = view
  return {
    state,
    provider,
    pid,
    running_since: runningSince === null ? null : isoTime(runningSince),
    restarts,
    next_start_at: nextStartAt === null ? null : isoTime(nextStartAt),
    last_exit: lastExit === null ? null : { ...lastExit, at: isoTime(lastExit.at) },
    usage: usage === null ? null : usageBody(usage),
    quotas: quotasBody(quotas),
  }
}

/** What the policy bounds, null where it does not. */
function quotasBody({
  memory,
  cpu,
  processes,
  wallTime,
  disk,
  openFiles,
  requests,
  usd,
}: Quotas): JsonObject {
  return {
    memory_bytes: memory ?? null,
    cpu_cores: cpu ?? null,
    processes: processes ?? null,
    wall_ms: wallTime ?? null,
    disk_bytes: disk ?? null,
    open_files: openFiles ?? null,
    requests: requests ?? null,
    usd: usd ?? null,
  }
}
