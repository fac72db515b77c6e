import { randomUUID } from 'node:crypto'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import {
  ActionCancelled,
  ActionDenied,
  ActionExpired,
  ActionHeld,
  ActionNotRepeated,
  ResultWithheld,
} from './errors.ts'
import type { GuardCall } from './guard.ts'
import type { HarnessDoor, ProposalOptions, Standing } from './harness-door.ts'
import { textOf } from './text-of.ts'

/** Generated code that is to run in a sandbox of its own: no network, no file but its own, nothing left behind. */
export interface SnippetRequest {
  readonly language: 'javascript' | 'python' | 'shell'
  readonly code: string
  /** Files beside the code, by relative path. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  readonly stdin?: string
  readonly limits?: {
    /** Bytes, files that it writes included; 256 MiB unless told. */
    readonly memory?: number
    /** Milliseconds; 10 s unless told. */
    readonly wallTime?: number
    /** Cores; 1 unless told. */
    readonly cpu?: number
    readonly processes?: number
    /** Bytes of stdout and stderr together; code that writes more is ended. 256 KiB unless told. */
    readonly output?: number
    /** Bytes of all files that come back; 1 MiB unless told. */
    readonly fileBytes?: number
    /** How many files come back; 100 unless told. */
    readonly files?: number
  }
}

export interface SnippetResult {
  /** The action `code.run`. */
  readonly id: string
  readonly stdout: string
  readonly stderr: string
  /** New and changed files. `bytes` is `null` where only the record of a run of earlier is left. */
  readonly files: readonly {
    readonly path: string
    readonly size: number
    readonly bytes: Uint8Array | null
  }[]
  /** Files beyond the limits, and what is no plain file. */
  readonly filesLeftOut: number
  readonly exit: {
    /** `exited`, `signal`, the limit that was reached (`memory`, `wall_time`, `output` …), `stopped` or `harness`. */
    readonly cause: string
    readonly code: number | null
    readonly signal: string | null
    readonly detail: string
  }
  readonly usage: {
    readonly wallMs: number | null
    readonly cpuMs: number | null
    readonly memoryPeakBytes: number | null
  }
}

/** Takes a snippet through the pipeline; the same idempotency key is the same run. */
export type RunSnippet = (
  snippet: JsonObject,
  proposal: ProposalOptions & { readonly idempotencyKey: string },
) => Promise<{ readonly standing: Standing; readonly result: JsonObject | null }>

const WAIT_SLICE_MS = 30_000

/** Waits for a person where the policy says so, and answers what came of the run. */
export async function snippetThrough(
  door: HarnessDoor,
  run: RunSnippet,
  request: SnippetRequest,
  { signal, wait, ...call }: GuardCall,
): Promise<SnippetResult> {
  signal?.throwIfAborted()
  const until = wait === undefined ? Infinity : Date.now() + wait * 1_000
  const proposal = { ...call, idempotencyKey: call.idempotencyKey ?? randomUUID() }
  const snippet = bodyOf(request)
  for (;;) {
    const { standing, result } = await run(snippet, proposal)
    if (result !== null) return resultFrom(standing.id, result)
    switch (standing.state) {
      case 'denied':
        throw new ActionDenied(standing)
      case 'expired':
        throw new ActionExpired(standing)
      case 'cancelled':
        throw new ActionCancelled(standing)
      case 'succeeded':
      case 'failed': {
        const judged = await door.result(standing.id)
        const withheld = isJsonObject(judged) && Array.isArray(judged['belay_withheld'])
        if (!withheld) throw new ActionNotRepeated(standing.id, standing.state)
        throw new ResultWithheld(standing.id, reasonsIn(judged['belay_withheld'] ?? null))
      }
      case 'unknown':
      case 'undone':
        throw new ActionNotRepeated(standing.id, standing.state)
      case 'held':
      case 'ready':
      case 'executing':
        await waitForChange(door, standing, until, signal)
    }
  }
}

async function waitForChange(
  door: HarnessDoor,
  standing: Standing,
  until: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let known = standing
  while (known.state === standing.state && known.state !== 'ready') {
    if (signal?.aborted === true) {
      if (known.state === 'held') await door.cancel(known.id)
      throw signal.reason
    }
    const left = known.state === 'held' ? until - Date.now() : WAIT_SLICE_MS
    if (left <= 0) throw new ActionHeld(known)
    known = await door.wait(known, Math.min(left, WAIT_SLICE_MS), signal)
  }
}

function bodyOf({ language, code, files = {}, stdin = '', limits = {} }: SnippetRequest): JsonObject {
  const laid = Object.entries(files).map(([path, content]) => [
    path,
    typeof content === 'string' ? content : { base64: Buffer.from(content).toString('base64') },
  ])
  const { memory, wallTime, cpu, processes, output, fileBytes, files: most } = limits
  const asked = {
    memory_bytes: memory,
    wall_time_ms: wallTime,
    cpu,
    processes,
    output_bytes: output,
    file_bytes: fileBytes,
    files: most,
  }
  return {
    language,
    code,
    ...(laid.length === 0 ? {} : { files: Object.fromEntries(laid) as JsonObject }),
    ...(stdin === '' ? {} : { stdin }),
    limits: Object.fromEntries(
      Object.entries(asked).filter(([, value]) => value !== undefined),
    ) as JsonObject,
  }
}

function resultFrom(id: string, result: JsonObject): SnippetResult {
  const exit = objectOf(result['exit'])
  const usage = objectOf(result['usage'])
  return {
    id,
    stdout: textOf(result['stdout']),
    stderr: textOf(result['stderr']),
    files: listOf(result['files']).map(({ path, size, text, base64 }) => ({
      path: textOf(path),
      size: numberOf(size) ?? 0,
      bytes:
        typeof text === 'string'
          ? Buffer.from(text)
          : typeof base64 === 'string'
            ? Buffer.from(base64, 'base64')
            : null,
    })),
    filesLeftOut: numberOf(result['files_left_out']) ?? 0,
    exit: {
      cause: textOf(exit['cause']),
      code: numberOf(exit['code']),
      signal: typeof exit['signal'] === 'string' ? exit['signal'] : null,
      detail: typeof exit['detail'] === 'string' ? exit['detail'] : '',
    },
    usage: {
      wallMs: numberOf(usage['wall_ms']),
      cpuMs: numberOf(usage['cpu_ms']),
      memoryPeakBytes: numberOf(usage['memory_peak_bytes']),
    },
  }
}

function reasonsIn(value: JsonValue): { readonly code: string; readonly message: string }[] {
  return listOf(value).map(({ code, message }) => ({ code: textOf(code), message: textOf(message) }))
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

function listOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]).filter(isJsonObject) : []
}

function numberOf(value: JsonValue | undefined): number | null {
  return typeof value === 'number' ? value : null
}
