import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openHarness } from '../src/entry/harness.ts'
import { proposal } from './setup/flow-on.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'belay plugins-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const POLICY = `
version: 1
plugins: [./shouting.mjs]
actions:
  note.write: { effect: write, verify: [{ shouting: { field: text, then: require_approval } }] }
`

function write(plugin: string, policy = POLICY): { config: string; data: string; watch: false } {
  writeFileSync(join(folder, 'shouting.mjs'), plugin)
  writeFileSync(join(folder, 'belay.yaml'), policy)
  return { config: join(folder, 'belay.yaml'), data: join(folder, 'data'), watch: false }
}

const SHOUTING = `
export default {
  name: 'shouting',
  options: { type: 'object', properties: { field: { type: 'string' } }, required: ['field'], additionalProperties: false },
  prepare: ({ field }) => ({ input }) =>
    input[field] === input[field].toUpperCase() ? [{ code: 'shouting:found', message: 'The text shouts.' }] : [],
}`

describe('a check of the project', () => {
  it('is loaded from the policy and works like the others', async () => {
    const harness = await openHarness(write(SHOUTING))
    const decide = async (text: string) =>
      (await harness.flow.propose(proposal('note.write', { text }), { venue: 'agent', start: false })).action
    try {
      expect((await decide('quiet')).decision).toBe('allow')
      expect(await decide('LOUD')).toMatchObject({
        decision: 'require_approval',
        reasons: [{ code: 'shouting:found', check: 'shouting' }],
      })
    } finally {
      await harness.close()
    }
  })

  it('refuses the action when it throws', async () => {
    const harness = await openHarness(write(SHOUTING))
    try {
      const { action } = await harness.flow.propose(proposal('note.write', {}), {
        venue: 'agent',
        start: false,
      })
      expect(action).toMatchObject({ decision: 'deny', reasons: [{ code: 'verify:check_failed' }] })
    } finally {
      await harness.close()
    }
  })

  it.each([
    ['is not there', SHOUTING, POLICY.replace('shouting.mjs', 'nowhere.mjs'), /could not be loaded/],
    ['does not parse', 'export default {', POLICY, /could not be loaded/],
    ['exports no check', 'export default 5', POLICY, /must export/],
    [
      'is given options that it does not know',
      SHOUTING,
      POLICY.replace('field: text,', 'feild: text,'),
      /expected .*field/,
    ],
  ])('that %s keeps Belay from starting and says so', async (_, plugin, policy, message) => {
    await expect(openHarness(write(plugin, policy))).rejects.toMatchObject({
      code: 'policy:invalid',
      message: expect.stringMatching(message) as string,
    })
  })
})
