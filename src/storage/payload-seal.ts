import type { StoredPayload } from './store.ts'

/** What reads need of whoever seals payloads of persons. */
export interface OpensPayloads {
  /** The payloads as they were; `null` for the text when a key to it is destroyed. Rejects what was changed. */
  open<P extends StoredPayload>(payloads: readonly P[]): Promise<readonly P[]>
  /** Under which name a person is stored. */
  pseudonym(subject: string): Promise<string>
  /** Answers how many keys there were. */
  destroyKeys(subject: string): Promise<number>
}
