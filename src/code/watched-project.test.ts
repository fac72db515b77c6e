import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { CheckReport } from './report/check-report.ts'
import { WatchedProject } from './watched-project.ts'

const APP = `import express from 'express'
import { show } from './show.ts'
const app = express()
app.get('/x', (req, res) => res.json(show(req.query.name)))
`
const SHOW = `import { listed } from './list.ts'
export const show = (name: string) => listed(name)
`
const LIST = `import { exec } from 'node:child_process'
export function listed(name: string) {
  exec('ls ' + name, () => undefined)
  return name
}
`
const CHECKED = LIST.replace('  exec(', "  if (!/^[a-z]+$/.test(name)) throw new Error('no')\n  exec(")
const OTHER = `export const add = (a: number, b: number) => a + b\n`

let folder = ''
const put = (path: string, text: string): void => writeFileSync(join(folder, path), text)
const told = (report: CheckReport | null): readonly string[] =>
  (report?.findings ?? []).map(({ finding: { rule, location, path } }) =>
    [rule, location.path, location.line, ...path.map((step) => step.location.line)].join(' '),
  )

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-watched-'))
  put('app.ts', APP)
  put('show.ts', SHOW)
  put('list.ts', LIST)
  put('other.ts', OTHER)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it.each([
  ['a check that makes it safe, files away from where the value comes in', 'list.ts', CHECKED],
  ['lines that move', 'list.ts', `// one\n\n// two\n${LIST}`],
  ['lines that move where the value comes in', 'app.ts', `// one\n${APP}`],
  ['a link of the chain that is gone', 'show.ts', `export const show = (name: string) => name.length\n`],
  ['a new weakness', 'other.ts', `${APP}${LIST}app.get('/y', (req, res) => res.json(listed(req.query.y)))\n`],
  ['a syntax error', 'list.ts', 'const = 1'],
  ['nothing that matters', 'other.ts', `// a comment\n${OTHER}`],
])('answers a change as checking everything does: %s', async (_what, path, text) => {
  const project = new WatchedProject(folder)
  const first = told(await project.whole({}))
  expect(first).toHaveLength(1)
  for (const each of [text, { 'app.ts': APP, 'show.ts': SHOW, 'list.ts': LIST }[path] ?? OTHER]) {
    put(path, each)
    const quick = await project.changed([path], {})
    expect(quick).not.toBeNull()
    const whole = await new WatchedProject(folder).whole({})
    expect(told(quick)).toEqual(told(whole))
    expect(quick?.skipped).toEqual(whole.skipped)
    expect(told(await project.whole({}))).toEqual(told(whole))
  }
})

it('keeps what lies too far away from a change to be looked at', async () => {
  const filler = Array.from({ length: 4_000 }, (_, index) => `export const x${index} = ${index}`).join('\n')
  put('show.ts', `import './far.ts'\n${SHOW}`)
  for (const name of ['far', 'farther']) put(`${name}.ts`, `${filler}\n`)
  const project = new WatchedProject(folder)
  const [before] = told(await project.whole({}))
  put('farther.ts', `${filler}\n// changed\n`)
  expect(told(await project.changed(['farther.ts'], {}))).toEqual([before])
})

it('leaves to a look at everything what it cannot tell', async () => {
  const project = new WatchedProject(folder)
  expect(await project.changed(['list.ts'], {})).toBeNull()
  await project.whole({})
  expect(
    ['README.md', 'list.ts', 'new.ts', 'package.json', 'schema.prisma', '.gitignore', 'x.go'].map((path) =>
      project.concern(path),
    ),
  ).toEqual(['nothing', 'reached', 'everything', 'everything', 'everything', 'everything', 'everything'])
  rmSync(join(folder, 'list.ts'))
  expect(await project.changed(['list.ts'], {})).toBeNull()
  expect(told(await project.whole({}))).toEqual([])
})

it('ends a look at everything when it is told to, and goes on from there', async () => {
  const project = new WatchedProject(folder)
  const before = told(await project.whole({}))
  const pause = (): Promise<void> => Promise.reject(new Error('enough'))
  await expect(project.whole({ pause })).rejects.toThrow('enough')
  put('list.ts', CHECKED)
  expect(told(await project.changed(['list.ts'], {}))).toEqual([])
  put('list.ts', LIST)
  expect(told(await project.changed(['list.ts'], {}))).toEqual(before)
})
