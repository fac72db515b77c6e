import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const BIN = join(import.meta.dirname, '..', 'bin')

/** Preloaded into the first process: makes it believe that it is an old Node. */
const PRETEND_OLD = `Object.defineProperty(process.versions, 'node', { value: '12.22.12' })`

const STUB = `
export async function main(argv: readonly string[]): Promise<number> {
  if (argv[2] === 'wait') {
    const timer = setInterval(() => undefined, 1000)
    process.on('SIGTERM', () => {
      process.stdout.write('stopping\\n')
      clearInterval(timer)
      process.exitCode = 7
    })
    process.stdout.write('waiting\\n')
    return new Promise((resolve) => process.on('SIGTERM', () => resolve(7)))
  }
  if (argv[2] === 'die') process.kill(process.pid, 'SIGKILL')
  process.stdout.write(JSON.stringify(argv.slice(2)) + '\\n')
  return Number(argv[2] ?? 0)
}
`

let folder: string
let launcher: string
let preload: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-launcher-'))
  cpSync(BIN, join(folder, 'bin'), { recursive: true })
  mkdirSync(join(folder, 'src', 'entry', 'cli'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'src', 'entry', 'cli', 'main.ts'), STUB)
  launcher = join(folder, 'bin', 'belay.js')
  preload = join(folder, 'old.cjs')
  writeFileSync(preload, PRETEND_OLD)
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function bundleNode(): void {
  mkdirSync(join(folder, 'node_modules', 'node', 'bin'), { recursive: true })
  symlinkSync(process.execPath, join(folder, 'node_modules', 'node', 'bin', 'node'))
}

function launch(args: readonly string[], { old = false, cache = join(folder, 'cache') } = {}) {
  return spawnSync(process.execPath, [...(old ? ['--require', preload] : []), launcher, ...args], {
    encoding: 'utf8',
    env: { ...process.env, XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: undefined },
  })
}

test('what was compiled is kept for the next start, where there is a place for it', () => {
  expect(launch(['0'])).toMatchObject({ status: 0, stderr: '' })
  expect(readdirSync(join(folder, 'cache', 'belay', 'compiled'))).not.toEqual([])
  const noFolder = join(folder, 'package.json')
  expect(launch(['0'], { cache: noFolder })).toMatchObject({ status: 0, stderr: '' })
})

describe('the launcher', () => {
  test('is written so that any Node since 12 parses it', () => {
    const source = readFileSync(join(BIN, 'belay.js'), 'utf8')
    expect(source).not.toMatch(
      /=>|`|\?\?|\?\.|\b(const|let|class|async|await|export)\b|^import\b|\.\.\.|#\w+\s*[=(]/m,
    )
    expect(JSON.parse(readFileSync(join(BIN, 'package.json'), 'utf8'))).toEqual({ type: 'commonjs' })
  })

  test.each([false, true])('passes arguments and exit code on (old Node: %s)', (old) => {
    bundleNode()
    const { status, stdout } = launch(['3', '--flag', 'a b', ''], { old })
    expect(stdout).toBe('["3","--flag","a b",""]\n')
    expect(status).toBe(3)
  })

  test('says what is needed when there is no newer Node', () => {
    const { status, stderr } = launch(['0'], { old: true })
    expect(status).toBe(2)
    expect(stderr).toContain('needs Node 24 or newer; this is v')
    expect(stderr).toContain('npm install')
  })

  test('passes signals on and keeps the exit code', async () => {
    bundleNode()
    const child = spawn(process.execPath, ['--require', preload, launcher, 'wait'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
      if (out === 'waiting\n') child.kill('SIGTERM')
    })
    const [code] = (await once(child, 'close')) as [number | null]
    expect(out).toBe('waiting\nstopping\n')
    expect(code).toBe(7)
  })

  test('dies as its child died', () => {
    bundleNode()
    expect(launch(['die'], { old: true }).signal).toBe('SIGKILL')
  })
})
