import { parentPort, workerData } from 'node:worker_threads'
import { type Answer, checkPattern } from './slow-patterns.ts'

/** So many are asked about at a time: the checker has threads of its own. */
const AT_ONCE = 2

const left = (workerData as readonly string[]).toReversed()
const tell = (answer: Answer): void => parentPort?.postMessage(answer)

async function ask(): Promise<void> {
  for (let literal = left.pop(); literal !== undefined; literal = left.pop())
    tell([literal, await checkPattern(literal)])
}

await Promise.all(Array.from({ length: AT_ONCE }, ask))
tell(null)
