import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const FOLDER = join(import.meta.dirname, '..', 'examples')
const EXAMPLES = readdirSync(FOLDER).filter((name) => name.endsWith('.ts') && name !== 'running-harness.ts')

test('there are examples', () => {
  expect(EXAMPLES.length).toBeGreaterThanOrEqual(3)
})

test.each(EXAMPLES)('examples/%s holds what it says', (name) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(FOLDER, name)], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  expect({ status, stdout, stderr }).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^ok: /m) as string,
  })
})
