import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import type { ExitCause, ExitReport } from '../../flow/contain/sandbox/provider.ts'
import type { WrittenFile } from './written-files.ts'

/** Why a run ended: `output` beside the causes of sandboxes, when it wrote more than it may. */
export type SnippetEnd = ExitCause | 'output'

/** What came of a run, before it is told to anybody. */
export interface SnippetRun {
  readonly stdout: string
  readonly stderr: string
  readonly files: readonly WrittenFile[]
  /** Files beyond the bounds, that are not returned. */
  readonly filesLeftOut: number
  /** Its folder could not be removed yet. */
  readonly leftBehind: boolean
  readonly cause: SnippetEnd
  readonly report: ExitReport
}

/** As the API answers it and the record keeps it. */
export function resultOf(run: SnippetRun): JsonObject {
  const { stdout, stderr, files, filesLeftOut, leftBehind, cause, report } = run
  const { code, signal, detail, usage } = report
  return {
    stdout,
    stderr,
    files: files.map(fileAnswer),
    ...(filesLeftOut === 0 ? {} : { files_left_out: filesLeftOut }),
    ...(leftBehind && { left_behind: true }),
    exit: { cause, code, signal, ...(detail === '' ? {} : { detail }) },
    usage: {
      wall_ms: Math.round(usage.wallMs),
      cpu_ms: usage.cpuMs === null ? null : Math.round(usage.cpuMs),
      memory_peak_bytes: usage.memoryPeak,
    },
  }
}

/** Whether the code ran to its own end and said that all is well. */
export function succeeded({ cause, report }: SnippetRun): boolean {
  return cause === 'exited' && report.code === 0
}

function fileAnswer({ path, bytes }: WrittenFile): JsonObject {
  const text = textOf(bytes)
  const content: JsonObject = text === null ? { base64: bytes.toString('base64') } : { text }
  return { path, size: bytes.length, ...content }
}

/** `null` when the bytes are no text. */
function textOf(bytes: Buffer): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return text.includes('\u0000') ? null : text
  } catch {
    return null
  }
}

/** Characters of a result that a record keeps. */
const MAX_RECORDED = 256 * 1024
const MAX_RECORDED_TEXT = 64 * 1024

/** The result as the record keeps it: whole, or with what is too long left out and said to be. */
export function recordedResult(result: JsonObject): JsonObject {
  if (JSON.stringify(result).length <= MAX_RECORDED) return result
  const { stdout, stderr, files, ...rest } = result
  return {
    ...rest,
    stdout: cut(stdout),
    stderr: cut(stderr),
    files: Array.isArray(files) ? files.filter(isJsonObject).map(withoutContent) : [],
    belay_omitted: 'contents of files, and what was written beyond 64 KiB',
  }
}

function withoutContent({ path, size }: JsonObject): JsonObject {
  return { path: path ?? null, size: size ?? null }
}

function cut(text: JsonValue | undefined): string {
  return typeof text === 'string' ? text.slice(0, MAX_RECORDED_TEXT).toWellFormed() : ''
}
