import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { checkTree } from '../../src/code/check-tree.ts'

const WEAK = `import { exec } from 'node:child_process'
import express from 'express'
express().get('/x', (req, res) => exec('ls ' + req.query.x, () => res.end()))
`
const N = 10_000
const many = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join('')
const around = (open: string, inner: string, close: string, count = N): string =>
  `${`${open}\n`.repeat(count)}${inner}${`${close}\n`.repeat(count)}`

/** Ten thousand levels of whatever can nest, one to a line, so that it is no minified file. */
const DEEP: Readonly<Record<string, string>> = {
  'parentheses.ts': `x = ${around('(', '1', ')')}`,
  'lists.ts': `x = ${around('[', '', ']')}`,
  'objects.ts': `x = ${around('{a:', '1', '}')}`,
  'blocks.ts': around('{', '', '}'),
  'ifs.ts': around('if (a)', 'b()', ''),
  'else-ifs.ts': around('if (a) b(); else', 'c()', ''),
  'loops.ts': around('while (a)', 'b()', ''),
  'labels.ts': `${many(N, (index) => `l${index}:\n`)}b()`,
  'arrows.ts': `x = ${many(N, (index) => `a${index} =>\n`)}1`,
  'functions.ts': `${many(N, (index) => `function f${index}() {\n`)}${'}\n'.repeat(N)}`,
  'not.ts': `x = ${around('!', 'a', '')}`,
  'typeof.ts': `x = ${around('typeof', 'a', '')}`,
  'new.ts': `x = ${around('new', 'a', '')}`,
  'await.ts': `export async function f() { ${around('await', 'a', '')} }`,
  'conditionals.ts': `x = ${around('a ? b :', 'c', '')}`,
  'powers.ts': `x = ${around('a **', 'b', '')}`,
  'assignments.ts': around('a =', 'b', ''),
  'templates.ts': `x = ${around('`${', 'a', '}`')}`,
  'types.ts': `let x: ${around('Array<', 'a', '>')}`,
  'conditional-types.ts': `type T = ${around('a extends b ? c :', 'd', '')}`,
  'patterns.ts': `const ${around('{a:', 'x', '}')} = y`,
  'elements.jsx': `x = ${around('<a>', '', '</a>')}`,
  'members.ts': `x = a${around('.b', '', '')}`,
  'calls.ts': `x = a${around('()', '', '')}`,
  'sums.ts': `x = ${around('a +', 'b', '')}`,
}

/** Wide, long or odd, and read all the same. */
const READ: Readonly<Record<string, string>> = {
  'constants.ts': many(5_000, (index) => `export const c${index} = ${index}\n`),
  'conditions.ts': `if (${many(450, (index) => `a.x${index} === 'b${index}' ||\n`)}b) c()`,
  'list.ts': `export const list = [${many(50_000, (index) => `${index},\n`)}]`,
  'texts.ts': `export const texts = [${many(20_000, (index) => `"text ${index}",\n`)}]`,
  'table.ts': `export const t = {${many(3_000, (index) => `k${index}: { a: req.query.a, b: [f, g] },\n`)}}\nfor (const k in t) g(t[k])`,
  'cases.ts': `switch (x) {${many(3_000, (index) => `case ${index}: f(${index}); break;\n`)}}`,
  'statements.ts': many(5_000, (index) => `f(x${index % 50}, y);\n`),
  'try.ts': `export function f(a) {\n${many(200, () => `try { a = g(a);\n`)}${many(200, () => `} catch (e) { h(e) }\n`)}}`,
  'callbacks.ts': `export function f(req) {\n${many(200, (index) => `g${index}(req.query.a, (x) => {\n`)}${'})\n'.repeat(200)}}`,
  'schema.ts': `import fastify from 'fastify'\nconst s: any = { type: 'object', properties: {} }\n${many(24, (index) => `s.properties.k${index} = s\n`)}fastify().post('/a', { schema: { body: s } }, (req) => g(req.body.k1.k2))\n`,
  'round.ts': many(
    800,
    (index) =>
      `export function f${index}(x) { return f${(index + 1) % 800}(x + f${(index * 7) % 800}(x)) }\n`,
  ),
  'cycle-a.ts': `import { b } from './cycle-b.ts'\nexport * from './cycle-b.ts'\nexport const a = () => b()\n`,
  'cycle-b.ts': `import { a } from './cycle-a.ts'\nexport * from './cycle-a.ts'\nexport const b = () => a()\n`,
  'itself.ts': `import * as me from './itself.ts'\nexport * from './itself.ts'\nexport const x = me.x\nclass A extends A {}\n`,
  'empty.ts': '',
  'mark.ts': '\uFEFFexport const a = 1\n',
  'script.js': '#!/usr/bin/env node\nif (x) return\nfoo()\n',
}

let folder = ''
const put = (path: string, text: string | Uint8Array): void => writeFileSync(join(folder, path), text)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-hostile-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('survives what nests ten thousand levels deep, says so, and finds what lies beside it', async () => {
  put('weak.ts', WEAK)
  for (const [path, text] of Object.entries(DEEP)) put(path, text)
  const started = process.cpuUsage()
  const { findings, skipped } = await checkTree(folder)
  const { user, system } = process.cpuUsage(started)
  expect(findings.map((each) => each.location.path)).toContain('weak.ts')
  expect(Object.fromEntries(skipped.map((each) => [each.path, each.reason]))).toEqual(
    Object.fromEntries(Object.keys(DEEP).map((path) => [path, 'it nests too deeply'])),
  )
  expect((user + system) / 1e6).toBeLessThan(10)
})

it('reads what is merely large or odd', async () => {
  put('weak.ts', WEAK)
  for (const [path, text] of Object.entries(READ)) put(path, text)
  const started = process.cpuUsage()
  const { findings, skipped, files } = await checkTree(folder)
  const { user, system } = process.cpuUsage(started)
  expect(skipped).toEqual([])
  expect(files).toBe(Object.keys(READ).length + 1)
  expect(findings.map((each) => each.location.path)).toContain('weak.ts')
  expect((user + system) / 1e6).toBeLessThan(20)
})

it('leaves out bundles, binaries and what cannot be parsed, goes round no link, and reads the rest', async () => {
  put('weak.ts', WEAK)
  put('bundle.js', 'var a=function(b){return b+1};'.repeat(170_000))
  put('line.js', `var x="${'y'.repeat(1_000_000)}"`)
  put(
    'binary.ts',
    Uint8Array.from({ length: 5_000 }, (_, index) => (index * 7) % 256),
  )
  put('latin.js', Uint8Array.from([...Buffer.from('const a = "'), 0xe9, 0xff, ...Buffer.from('"\n')]))
  put('broken.ts', 'export const = {{{')
  put('package.json', '{ "name": [')
  put('tsconfig.json', '{ "compilerOptions": { "paths": 7, "baseUrl": {} } ')
  mkdirSync(join(folder, 'folder.ts'))
  symlinkSync('..', join(folder, 'folder.ts', 'up'))
  symlinkSync('loop.ts', join(folder, 'loop.ts'))
  symlinkSync('/nowhere/at/all.ts', join(folder, 'dangling.ts'))
  const { findings, skipped, files } = await checkTree(folder)
  expect(findings.map((each) => each.location.path)).toContain('weak.ts')
  expect(files).toBe(2)
  expect(Object.fromEntries(skipped.map((each) => [each.path, each.reason]))).toEqual({
    'binary.ts': 'it is not text',
    'broken.ts': expect.stringContaining('syntax error'),
    'bundle.js': 'it has 5.1 MB',
    'line.js': 'it is minified',
  })
})

it('stops within one function when the time is over, and says so', async () => {
  put(
    'long.ts',
    `export function f(req) {\n${many(20_000, (index) => `let v${index} = v${Math.max(0, index - 1)} + 'x';\nif (c${index}) v${index} = g(v${index});\n`)}}\n`,
  )
  const { skipped } = await checkTree(folder, { timeLimit: 1_000, packs: [] })
  expect(skipped).toEqual([{ path: '', reason: 'the time limit had passed before all flows were followed' }])
})
