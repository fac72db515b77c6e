import { parentPort, workerData } from 'node:worker_threads'
import { openForCheckpoints } from './connection.ts'

/** Copies the log into the database beside the writer, once a message. SQLite syncs the log first, the database after. */
const port = parentPort
if (port === null) throw new Error('copy-log-thread.ts runs as a worker thread')

const connection = openForCheckpoints(workerData as string)
port.on('message', () => {
  let fault: { readonly code: unknown; readonly message: string } | null = null
  try {
    connection.pragma('wal_checkpoint(PASSIVE)')
  } catch (error) {
    fault = {
      code: (error as { readonly code?: unknown }).code,
      message: error instanceof Error ? error.message : String(error),
    }
  }
  port.postMessage(fault)
})
