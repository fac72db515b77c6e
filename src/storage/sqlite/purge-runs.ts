import type { PurgedRecord } from '../store.ts'
import type { StatementRun } from './write-statements.ts'

/** Puts what is left of records in their place, and drops their actions. */
export function purgeRuns(records: readonly PurgedRecord[], actions: readonly string[]): StatementRun[] {
  const seqs = records.map(({ seq }) => [seq])
  const ids = actions.map((id) => [id])
  return [
    [
      'UPDATE records SET text = ?, action = NULL, agent = NULL, payload = NULL WHERE seq = ?',
      null,
      records.map(({ text, seq }) => [text, seq]),
    ],
    ['DELETE FROM payloads WHERE seq = ?', null, seqs],
    ['DELETE FROM payload_subjects WHERE action = ?', null, ids],
    ['DELETE FROM actions WHERE id = ?', null, ids],
    ['DELETE FROM spans WHERE id = ?', null, ids],
    ['DELETE FROM quality_scores WHERE action = ?', null, ids],
  ]
}
