import { readFileSync, readdirSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { parse } from 'es-module-lexer'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const SERVER =
  /^(src\/storage|src\/entry\/(harness|http-api|cli)|src\/flow\/(verify|monitor|approve|audit))\b/

/** Every module that importing `entry` loads: our files, and the names of packages. */
function loadedBy(entry: string): Set<string> {
  const seen = new Set<string>()
  const visit = (file: string): void => {
    const name = relative(ROOT, file)
    if (seen.has(name)) return
    seen.add(name)
    const [imports] = parse(stripTypeScriptTypes(readFileSync(file, 'utf8')))
    for (const { specifier, type } of imports) {
      // A dynamic import is loaded when it is asked for.
      if (typeof specifier !== 'string' || type === 'dynamic') continue
      if (specifier.startsWith('.')) visit(resolve(dirname(file), specifier))
      else seen.add(specifier)
    }
  }
  visit(join(ROOT, entry))
  return seen
}

test.each(['src/index.ts', 'src/entry/sdk/remote.ts'])(
  '%s loads no server and no database driver',
  (entry) => {
    const loaded = [...loadedBy(entry)]
    expect(loaded).toContain(entry)
    expect(loaded.filter((name) => SERVER.test(name))).toEqual([])
    const packages = loaded.filter((name) => !name.startsWith('src/') && !name.startsWith('node:'))
    expect(packages.filter((name) => !['canonicalize', 'eventsource-parser'].includes(name))).toEqual([])
  },
)

const FRAMEWORKS = readdirSync(join(ROOT, 'src/entry/frameworks'))
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => `src/entry/frameworks/${name}`)

test.each(FRAMEWORKS)('%s loads no server, and of packages its own framework alone', (entry) => {
  const loaded = [...loadedBy(entry)]
  expect(loaded.filter((name) => SERVER.test(name))).toEqual([])
  const packages = loaded.filter((name) => !name.startsWith('src/') && !name.startsWith('node:'))
  const own = entry.endsWith('/langchain.ts') ? ['@langchain/langgraph'] : []
  expect(packages.filter((name) => !['canonicalize', 'eventsource-parser', ...own].includes(name))).toEqual(
    [],
  )
})

test('the look finds what it looks for', () => {
  expect([...loadedBy('src/entry/sdk/embedded.ts')].filter((name) => SERVER.test(name))).not.toEqual([])
})

test('the surface is what the README shows, by name', async () => {
  const surface = await import('../src/index.ts')
  expect(Object.keys(surface).toSorted()).toEqual([
    'ActionCancelled',
    'ActionDenied',
    'ActionExpired',
    'ActionFailed',
    'ActionHeld',
    'ActionNotRepeated',
    'ActionNotRun',
    'ActionTimedOut',
    'Belay',
    'BelayError',
    'HarnessUnreachable',
    'OutcomeUnknown',
    'OutcomeUnrecorded',
    'ResultWithheld',
  ])
})
