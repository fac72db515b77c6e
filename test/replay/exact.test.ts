import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { confinement } from '../../src/entry/replay/confine.ts'
import type { StageReport } from '../../src/entry/replay/messages.ts'
import type { RecordedSession } from '../../src/entry/replay/read-session.ts'
import { replayRun } from '../../src/entry/replay/replay-run.ts'
import { startReplayServer } from '../../src/entry/replay/replay-server.ts'
import { SessionBook } from '../../src/entry/replay/session-book.ts'
import { settleBy } from '../../src/entry/replay/volatile.ts'
import { AGENT, BOX, RecordedWorld } from './recorded.ts'

const confined = !('unavailable' in confinement())

let world: RecordedWorld
let recorded: RecordedSession

beforeAll(async () => {
  world = await RecordedWorld.open()
  recorded = await world.record('run-1', BOX, 4)
})
afterAll(() => world.close())

function play(
  name: string,
  env: Record<string, string> = {},
  more: { timing?: boolean } = {},
): Promise<StageReport> {
  const base = Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== undefined))
  return replayRun({
    steps: recorded.steps,
    volatile: [],
    port: 0,
    timing: more.timing ?? false,
    command: [process.execPath, AGENT],
    cwd: process.cwd(),
    env: { ...(base as Record<string, string>), OUT: world.out(name), SESSION: 'again', ...env },
    quiet: true,
    fork: null,
    allowNetwork: !confined,
  })
}

describe('an agent that was recorded', () => {
  test('gets the same bytes in the same pieces, and nobody is called', async () => {
    const before = world.provider.requests.length
    // The session is a header: what is compared is what the model and the policy read.
    const report = await play('same', { SESSION: 'run-1' })
    expect(report).toMatchObject({ steps: 4, answered: 4, divergence: null, left: [], exit: { code: 0 } })
    expect(world.said('same')).toEqual(world.said('run-1'))
    expect(world.provider.requests.length).toBe(before)
  })

  test('gets each piece of a stream as a piece of its own', async () => {
    const book = new SessionBook(recorded.steps, settleBy([]))
    const server = await startReplayServer({ book, port: 0, timing: false, onDivergence: () => undefined })
    const streamed = recorded.steps.filter(({ recording }) => recording.answer?.whole === false)
    expect(streamed.length).toBe(2)
    for (const { recording } of streamed) {
      const { path, request, answer } = recording
      const chunks = await chunksOf(server.url, path, JSON.stringify(request))
      expect(chunks.map((chunk) => chunk.length)).toEqual(answer?.cuts.map(([, bytes]) => bytes))
      expect(Buffer.concat(chunks).toString()).toBe(answer?.body)
    }
    await server.close()
  })

  test('that is changed is caught at the first difference, which is named', async () => {
    const report = await play('changed', { SESSION: 'run-1', QUESTION: 'What is in the bag?' })
    expect(report.exit.code).not.toBe(0)
    expect(report).toMatchObject({ answered: 0 })
    expect(report.divergence).toMatchObject({
      step: 1,
      why: 'other_request',
      expected: 'POST /openai/v1/chat/completions',
      differences: [
        { pointer: '/body/messages/0/content', expected: 'What is in the box?', came: 'What is in the bag?' },
      ],
    })
  })

  test('and the steps of a run that ends early are named', async () => {
    const report = await replayRun({
      steps: recorded.steps,
      volatile: [],
      port: 0,
      timing: false,
      command: [process.execPath, '-e', ''],
      cwd: process.cwd(),
      env: {},
      quiet: true,
      fork: null,
      allowNetwork: !confined,
    })
    expect(report.left.map(({ step }) => step)).toEqual([1, 2, 3, 4])
  })
})

/** The chunks of an answer as they are framed on the wire (RFC 9112 §7.1). */
async function chunksOf(url: string, path: string, body: string): Promise<Buffer[]> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}`
  socket.write(`${head}\r\n\r\n${body}`)
  const pieces: Buffer[] = []
  for await (const piece of socket) pieces.push(piece as Buffer)
  const bytes = Buffer.concat(pieces)
  const chunks: Buffer[] = []
  for (let at = bytes.indexOf('\r\n\r\n') + 4; ;) {
    const end = bytes.indexOf('\r\n', at)
    const length = Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16)
    if (length === 0) return chunks
    chunks.push(bytes.subarray(end + 2, end + 2 + length))
    at = end + 4 + length
  }
}

const READS_ENVIRONMENTS = `
  const { readdirSync, readFileSync, writeFileSync } = require('node:fs')
  const read = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).flatMap((pid) => {
    try { return [readFileSync('/proc/' + pid + '/environ', 'latin1')] } catch { return [] }
  })
  writeFileSync(process.env.OUT, JSON.stringify({
    others: read.length,
    found: read.some((text) => text.includes('MARK_OF_ANOTHER')),
  }))`

describe.runIf(confined)('an agent that is replayed', () => {
  test('finds in no process that it can read what its environment was not given', async () => {
    const out = world.out('environments')
    const env = { PATH: process.env['PATH'] ?? '', OUT: out }
    vi.stubEnv('MARK_OF_ANOTHER', 'yes')
    try {
      await replayRun({
        steps: [],
        volatile: [],
        port: 0,
        timing: false,
        command: [process.execPath, '-e', READS_ENVIRONMENTS],
        cwd: world.folder,
        env,
        quiet: true,
        fork: null,
        allowNetwork: false,
      })
    } finally {
      vi.unstubAllEnvs()
    }
    const { others, found } = JSON.parse(readFileSync(out, 'utf8')) as { others: number; found: boolean }
    expect(others).toBeGreaterThan(1)
    expect(found).toBe(false)
  })
})

describe.runIf(confined)('the sockets of an agent that is replayed', () => {
  test('reach nothing but the replay', async () => {
    const server = createServer((socket) => socket.end())
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
    const { port } = server.address() as AddressInfo
    let connections = 0
    server.on('connection', () => connections++)
    const addresses = Object.values(networkInterfaces()).flatMap(
      (all) => all?.map(({ address }) => address) ?? [],
    )
    const outside = addresses.find((address) => address !== '127.0.0.1' && !address.includes(':'))
    for (const host of ['127.0.0.1', ...(outside === undefined ? [] : [outside])]) {
      const report = await play('escape', { SESSION: 'run-1', ESCAPE: `${host}:${port}` })
      expect(report).toMatchObject({ divergence: null, exit: { code: 0 }, interfaces: [] })
    }
    expect(connections).toBe(0)
    server.close()
  })
})
