import { parentPort, workerData } from 'node:worker_threads'
import { verifyPart, type PartRequest } from './verify-in-parts.ts'

/** Verifies one part of an exported ledger beside others. */
const port = parentPort
if (port === null) throw new Error('part-thread.ts runs as a worker thread')

const report = verifyPart(workerData as PartRequest, (records) => port.postMessage({ records }))
port.postMessage({ report })
