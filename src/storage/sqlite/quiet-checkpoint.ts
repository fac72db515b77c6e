/** What is needed of a connection. */
interface Checkpointed {
  readonly open: boolean
  pragma(source: string): unknown
}

/**
 * Copies the log into the database; called in a quiet moment. A checkpoint that cannot be made, for example on a
 * full disk, loses nothing: the log stays, and a later one takes it along. It must not end the writer.
 */
export function quietCheckpoint(connection: Checkpointed): boolean {
  if (!connection.open) return false
  try {
    connection.pragma('wal_checkpoint(PASSIVE)')
    return true
  } catch {
    return false
  }
}
