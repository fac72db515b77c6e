import { createPublicKey } from 'node:crypto'
import { join } from 'node:path'
import { Exports } from '../../src/entry/export/exports.ts'
import { openHarness } from '../../src/entry/harness.ts'
import { signingKey } from '../../src/flow/audit/signing-key.ts'

const [, , folder = '.', how] = process.argv
const fail = (error: unknown): void => {
  process.stderr.write(`${String(error)}\n`)
}
const harness = await openHarness({
  config: join(folder, 'belay.yaml'),
  data: join(folder, 'data'),
  watch: false,
  onFault: fail,
})
const exports = new Exports({
  store: harness.store,
  rules: () => harness.policies.current().exports,
  publicKey: createPublicKey(signingKey(harness.data)),
  version: '0.0.0',
  note: fail,
  onFault: fail,
  scale: 0.05,
})
await exports.policyChanged()
const act = async (): Promise<void> => {
  const { action } = await harness.flow.propose(
    { agent: 'writer', action: 'note.add', input: { text: 'x'.repeat(100) } },
    { venue: 'agent', start: true },
  )
  await harness.flow.report(action.id, { outcome: 'succeeded' })
}
if (how === 'end') {
  await exports.caughtUp()
  await exports.close()
  await harness.close()
} else {
  // Until it is killed.
  for (;;) await Promise.all(Array.from({ length: 20 }, act))
}
