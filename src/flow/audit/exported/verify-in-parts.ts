import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { lineAt, readLines } from './read-lines.ts'
import { PartVerifier, type PartOptions, type PartReport } from './verify-part.ts'

/** A part of an exported ledger, from one position of the file up to another. */
export interface PartRequest {
  readonly file: string
  readonly from: number
  readonly to: number
  readonly options: PartOptions
}

type Progress = (records: number) => void

/** A thread costs some 50 ms to start. */
const WORTHWHILE = 32 << 20
const MAX_THREADS = 8
const TELL_EVERY = 20_000

/** Verifies the lines between two positions, in as many threads as there are cores, in the order of the file. */
export async function verifyInParts(
  whole: PartRequest,
  onProgress: Progress,
  wanted?: number,
): Promise<PartReport[]> {
  const bytes = whole.to - whole.from
  const threads = wanted ?? (bytes < WORTHWHILE ? 1 : Math.min(MAX_THREADS, availableParallelism()))
  if (threads === 1) return [verifyPart(whole, onProgress)]
  const starts = Array.from({ length: threads }, (_, i) =>
    i === 0
      ? whole.from
      : lineAt(whole.file, whole.from + Math.floor((bytes * i) / threads), whole.to, '{"hash":"'),
  )
  const done = starts.map(() => 0)
  return Promise.all(
    starts.map((from, i) =>
      inThread({ ...whole, from, to: starts[i + 1] ?? whole.to }, (records) => {
        done[i] = records
        onProgress(done.reduce((sum, each) => sum + each, 0))
      }),
    ),
  )
}

export function verifyPart({ file, from, to, options }: PartRequest, onProgress: Progress): PartReport {
  const verifier = new PartVerifier(options)
  let lines = 0
  readLines(file, from, to, (bytes, start, end) => {
    verifier.line(bytes, start, end)
    if (++lines % TELL_EVERY === 0) onProgress(verifier.records)
  })
  onProgress(verifier.records)
  return verifier.report()
}

async function inThread(request: PartRequest, onProgress: Progress): Promise<PartReport> {
  const { promise, resolve, reject } = Promise.withResolvers<PartReport>()
  // The same extension as this file's: .ts in a checkout, .js when built.
  const worker = new Worker(new URL(`./part-thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: request,
    name: 'belay-verify',
    execArgv: [],
  })
  worker.on('message', (message: { records: number } | { report: PartReport }) => {
    if ('records' in message) onProgress(message.records)
    else resolve(message.report)
  })
  worker.on('error', reject)
  worker.on('exit', (code) => reject(new Error(`a thread that verifies ended with code ${code}`)))
  return promise
}
