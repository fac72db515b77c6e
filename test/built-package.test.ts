import { spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'

// The package as `npm run build` left it, without the sources, which the launcher prefers in a checkout.
const root = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'belay-built-'))
const launcher = join(folder, 'bin/belay.js')

const POLICY = `version: 1
actions:
  note.write:
    effect: write
    verify: [{ pii: { field: text, then: redact } }]
`

beforeAll(() => {
  expect(existsSync(join(root, 'dist/joined')), 'run `npm run build` first').toBe(true)
  for (const part of ['bin', 'dist', 'package.json'])
    cpSync(join(root, part), join(folder, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function belay(...args: string[]): { status: number | null; out: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, ...args], { encoding: 'utf8' })
  return { status, out: stdout + stderr }
}

it('decides over HTTP, and its ledger is verified from a file by threads', async () => {
  writeFileSync(join(folder, 'belay.yaml'), POLICY)
  const data = join(folder, 'data')
  const up = spawn(process.execPath, [
    launcher,
    'up',
    '--config',
    join(folder, 'belay.yaml'),
    '--data',
    data,
    '--port',
    '0',
  ])
  try {
    const url = await new Promise<string>((found, failed) => {
      let text = ''
      const read = (chunk: Buffer): void => {
        text += chunk.toString()
        const match = /belay is up at (\S+)/.exec(text)
        if (match?.[1] !== undefined) found(match[1])
      }
      up.stdout.on('data', read)
      up.stderr.on('data', read)
      up.once('exit', (code) => failed(new Error(`belay up ended with ${code}: ${text}`)))
    })
    const token = readFileSync(join(data, 'admin.token'), 'utf8').trim()
    const response = await fetch(`${url}/v1/actions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ agent: 'a', action: 'note.write', input: { text: 'write to ada@example.org' } }),
    })
    expect(await response.json()).toMatchObject({ decision: 'transform' })
    const page = await fetch(`${url}/`)
    expect(page.headers.get('content-type')).toContain('text/html')
    const exported = belay('ledger', 'export', '--data', data)
    const file = join(folder, 'ledger.ndjson')
    writeFileSync(file, exported.out)
    expect(belay('ledger', 'verify', file, '--data', data)).toMatchObject({ status: 0 })
  } finally {
    const ended = new Promise((done) => up.once('exit', done))
    up.kill('SIGTERM')
    await ended
  }
})

it('finds what lies beside its modules: the version, the schema, grammars and patterns of the code checks', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  expect(belay('--version').out.trim()).toBe(version)
  expect(JSON.parse(belay('policy', 'schema').out)).toMatchObject({ title: 'belay.yaml' })
  const project = join(folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'run.py'), 'import sys\n\ndef f():\n    eval(input())\n')
  const { status, out } = belay('check', project)
  expect(out).toContain('run.py:4')
  expect(status).toBe(1)
})

it('has one of each class: those that import the package meet the ones that decide', () => {
  const code = `
    import { Belay, BelayError } from '@belay/harness'
    import * as door from '@belay/harness/ai-sdk'
    const refused = await Belay.open({ config: 'nowhere.yaml' }).catch((error) => error)
    console.log(refused instanceof BelayError, refused.code, Object.keys(door).length > 0)`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: folder,
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^true \w+:\w+ true\n$/)
})

it('names the licences of all that is joined', () => {
  const text = readFileSync(join(folder, 'dist/joined/LICENSES.txt'), 'utf8')
  for (const name of ['fastify', 'kysely', 'yaml', 'ajv', 'pino']) expect(text).toContain(`\n${name} `)
  const wide = readdirSync(join(folder, 'dist/joined')).filter((file) =>
    /[\u0100-\uffff]/.test(readFileSync(join(folder, 'dist/joined', file), 'utf8')),
  )
  expect(wide.filter((file) => file.endsWith('.js'))).toEqual([])
})
