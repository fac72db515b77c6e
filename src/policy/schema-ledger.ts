import type { JsonObject } from '../action/json.ts'
import { described, duration, listOf, map, mapOf, text } from './schema-words.ts'

const times = {
  records: duration('How long the texts of records are kept; their hashes stay for ever.'),
  payloads: duration('How long inputs, results and reasons are kept. At most as long as the records.'),
}

/** `ledger:`. */
export const ledgerSchema: JsonObject = described(
  'How the ledger is made verifiable for others.',
  map({
    origin: text(
      'What the names of the logs begin with: an address without scheme, such as belay.example.com. Witnesses know a log by it, so it must not change. Default: a name that follows from the signing key.',
    ),
    witnesses: listOf(
      'Witnesses (C2SP tlog-witness) that sign where the ledger stands, if it only grew.',
      map(
        {
          url: text('The address of the witness.'),
          key: text('Its key, NAME+ID+KEY, as the witness gives it (a vkey of C2SP signed-note).'),
        },
        ['url', 'key'],
      ),
    ),
    retention: described(
      'What is purged when. Without it everything is kept.',
      map({ ...times, agents: mapOf('Agents for which another time holds.', map(times)) }),
    ),
    quorum: {
      description: 'How many of them must sign. Default: more than half.',
      type: 'integer',
      minimum: 1,
      maximum: 100,
    },
  }),
)
