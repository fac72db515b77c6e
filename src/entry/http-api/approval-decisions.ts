import type { JsonObject } from '../../action/json.ts'
import type { Store } from '../../storage/store.ts'
import { isoTime } from './action-answer.ts'

/** The votes on exactly this approval, from the records of its action: one that an edit voided keeps its own. */
export async function decisionsOf(
  store: Store,
  actionId: string,
  approvalId: string,
): Promise<readonly JsonObject[]> {
  let votes: JsonObject[] = []
  for (const { kind, at, text } of await store.recordsOf(actionId)) {
    if (kind !== 'vote' && kind !== 'edit' && kind !== 'start') continue
    const said = JSON.parse(text) as JsonObject
    if (kind === 'vote') {
      const { by, outcome, via, for: place } = said
      votes.push({
        by: by ?? '',
        outcome: outcome ?? '',
        at: isoTime(at),
        ...(via !== undefined && { via }),
        ...(place !== undefined && { for: place }),
      })
    } else if (kind === 'edit') {
      if (said['voids'] === approvalId) return votes
      votes = []
    } else if (said['state'] === 'held') {
      // Checked again at its start it was held anew, as another approval.
      if (votes.length > 0 && approvalIn(said) !== approvalId) return votes
      votes = []
    }
  }
  return votes
}

function approvalIn({ approval }: JsonObject): unknown {
  return typeof approval === 'object' && approval !== null && 'id' in approval ? approval['id'] : undefined
}
