import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { AgentLog, readLog, type LogBounds } from './agent-log.ts'

let folder: string
const small: LogBounds = { file: 2_000, files: 3, perSecond: 1024 * 1024 }

beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'belay-log-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function written(chunks: readonly (string | Buffer)[], bounds?: LogBounds): Promise<AgentLog> {
  const log = new AgentLog(folder, () => 7, bounds)
  const stream = new PassThrough()
  const done = log.follow(stream, 'stdout')
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  await done
  await log.flushed()
  return log
}

const textsOf = (log: AgentLog, after?: number): string[] => log.read(after).items.map(({ text }) => text)

it('keeps lines as they were written, whatever the pieces in which they came', async () => {
  const euro = Buffer.from('€')
  const log = await written(['one\ntw', 'o\r\nthr', euro.subarray(0, 1), euro.subarray(1), '\n\nlast'])
  expect(textsOf(log)).toEqual(['one', 'two', 'thr€', '', 'last'])
  expect(log.read().items[0]).toEqual({ at: 7, stream: 'stdout', text: 'one' })
  await log.close()
})

it('masks secrets before anything is on the disk, over several lines too', async () => {
  const key = ['AKIA', 'QYLPMN5HHHFPZAM2'].join('')
  const pem = [
    '-----BEGIN PRIVATE KEY-----',
    'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7',
    '-----END PRIVATE KEY-----',
  ]
  const log = await written([`the key ${key} is used\n`, `${pem.join('\n')}\n`])
  await log.close()
  const all = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('')
  expect(all).toContain('the key ****')
  expect(all).not.toContain(key)
  expect(all).not.toContain('MIIEvQIBADAN')
})

it('stays within its bounds, and goes on reading from any place that was given', async () => {
  const log = new AgentLog(folder, () => 7, small)
  const seen: string[] = []
  let next = 0
  for (let n = 0; n < 400; n++) {
    log.note(`line ${n}`)
    await log.flushed()
    if (n % 10 !== 9) continue
    const page = log.read(next)
    seen.push(...page.items.map(({ text }) => text))
    expect(page.next).toBeGreaterThan(next)
    next = page.next
  }
  for (let page = log.read(next); page.items.length > 0; page = log.read(page.next))
    seen.push(...page.items.map(({ text }) => text))
  expect(seen).toEqual(Array.from({ length: 400 }, (_, n) => `line ${n}`))
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size)
  expect(sizes.length).toBeLessThanOrEqual(3)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2_000)
  await log.close()
  // What a reader of long ago missed was rotated away; what is there is read from its beginning.
  expect(readLog(folder, 0).items[0]?.text).toMatch(/^line \d+$/)
})

it('goes on in the same file after a restart, also behind a line that was torn by a crash', async () => {
  const before = await written(['whole\n'])
  const { next } = before.read()
  await before.close()
  const [file = ''] = readdirSync(folder)
  appendFileSync(join(folder, file), '{"at":7,"stream":"stdout","te')
  const after = await written(['new\n'])
  expect(readdirSync(folder)).toEqual([file])
  expect(textsOf(after)).toEqual(['whole', 'new'])
  expect(textsOf(after, next)).toEqual(['new'])
  await after.close()
})

it('leaves out the rest of an endless line', async () => {
  const log = await written(['x'.repeat(100_000), '\nnext\n'])
  const [first = '', second] = textsOf(log)
  expect(first).toBe(`${'x'.repeat(8 * 1024)} [${100_000 - 8 * 1024} characters left out]`)
  expect(second).toBe('next')
  await log.close()
})

it('tells of news at once, and of none when the time is up', async () => {
  const log = new AgentLog(folder, () => 7)
  const never = new AbortController().signal
  const news = log.news(0, 60_000, never)
  log.note('here')
  await news
  expect(textsOf(log)).toEqual(['here'])
  await log.news(log.read().next, 1, never)
  await log.news(log.read().next, 60_000, AbortSignal.abort())
  await log.close()
})

it('reads no file that somebody put in its place', async () => {
  const log = await written(['mine\n'])
  await log.close()
  const secret = join(folder, 'secret')
  appendFileSync(secret, '{"at":1,"stream":"stdout","text":"secret"}\n')
  symlinkSync(secret, join(folder, 'log-000000009000000.ndjson'))
  expect(readLog(folder).items.map(({ text }) => text)).toEqual(['mine'])
  expect(readLog(join(folder, 'nowhere'))).toEqual({ items: [], next: 0 })
})
