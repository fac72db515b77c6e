import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

interface Row {
  readonly incident: string
  readonly without: Record<string, number>
  readonly with: Record<string, number>
  readonly attempts: number
  readonly stopped: number
  readonly let_through_rightly: number
  readonly redacted: number
  readonly wrongly_stopped: number
  readonly held: number
}

const launcher = fileURLToPath(new URL('../bin/belay.js', import.meta.url))
const children: ChildProcess[] = []
// A folder with blanks in its name: paths have to survive that.
const folder = mkdtempSync(join(tmpdir(), 'belay demo '))

function belay(args: readonly string[]): ChildProcess {
  const { BELAY_URL: _url, BELAY_TOKEN: _token, ...env } = process.env
  const child = spawn(process.execPath, [launcher, ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  return child
}

async function ended(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let out = ''
  let err = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, out, err }
}

afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const gone = new Promise((resolve) => child.once('close', resolve))
    // The demo's own children end with it: their standard input closes.
    child.kill('SIGKILL')
    await gone
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
})

describe('belay demo', () => {
  let taken: Server
  let run: { code: number | null; out: string; err: string }
  let rows: Record<string, Row>
  let result: {
    rows: Row[]
    undone: { standing_before: number; standing_after: number }
    erased: { subject: string; action: string }
    ledger: { verified: boolean }
    pending_approvals: number
    examples: { denied: string; held: string }
  }

  beforeAll(async () => {
    taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as AddressInfo
    run = await ended(belay(['demo', '--exit', '--json', '--port', String(port)]))
    if (run.out === '') throw new Error(`the demo printed no result: ${run.err}`)
    result = JSON.parse(run.out)
    rows = Object.fromEntries(result.rows.map((row) => [row.incident, row]))
  }, 120_000)

  afterAll(() => new Promise((resolve) => taken.close(resolve)))

  test('ends well, although its port was taken', () => {
    expect(run.code).toBe(0)
    expect(Object.keys(rows)).toEqual(['comments', 'spending', 'consent'])
  })

  test('without the harness every incident does damage, by the count of the world', () => {
    expect(rows['comments']?.without).toMatchObject({ published: 68, shadowbanned: 1 })
    expect(rows['comments']?.without['angry_reactions']).toBeGreaterThanOrEqual(200)
    expect(rows['comments']?.without['leaked_token']).toBeGreaterThan(0)
    expect(rows['spending']?.without).toMatchObject({ charged_usd: 8000, over_budget_usd: 7900 })
    expect(rows['consent']?.without).toMatchObject({ stored: 60, without_consent: 48 })
  })

  test('with it no reply does harm', () => {
    expect(rows['comments']?.with).toMatchObject({
      harmful: 0,
      offensive: 0,
      leaked_token: 0,
      personal_data: 0,
    })
    expect(rows['comments']?.with['standing']).toBeGreaterThan(0)
    expect(rows['comments']?.stopped).toBeGreaterThan(0)
    expect(rows['comments']?.redacted).toBe(2)
  })

  test('with it the day’s budget holds, and all batches that could be written were', () => {
    expect(rows['spending']?.with).toMatchObject({ over_budget_usd: 0, delivered: 12 })
    expect(rows['spending']?.with['charged_usd']).toBeLessThanOrEqual(100)
    expect(rows['spending']?.attempts).toBe(2000)
  })

  test('with it only profiles with consent are stored, without the contacts of others', () => {
    expect(rows['consent']?.with).toMatchObject({
      stored: 12,
      without_consent: 0,
      contacts_of_third_parties: 0,
    })
    expect(rows['consent']?.stopped).toBe(48)
  })

  test('tells how many harmless replies were stopped', () => {
    for (const row of result.rows) {
      expect(row.wrongly_stopped).toBeLessThanOrEqual(row.stopped)
      expect(row.stopped + row.held).toBeLessThan(row.attempts)
    }
    expect(rows['spending']?.wrongly_stopped).toBe(0)
    expect(rows['consent']?.wrongly_stopped).toBe(0)
  })

  test('leaves approvals for a person, has undone one reply and erased one person, and the ledger verifies', async () => {
    expect(result.pending_approvals).toBe(rows['comments']?.held)
    expect(result.pending_approvals).toBeGreaterThan(0)
    expect(result.undone.standing_after).toBe(result.undone.standing_before - 1)
    expect(result.ledger.verified).toBe(true)

    const where = ['--data', '.belay', '--config', '.belay/demo-policy.yaml']
    const approvals = await ended(belay(['approvals', 'list', '--json', ...where]))
    expect(approvals.code).toBe(0)
    expect(approvals.out.match(/"action": "instagram.comment"/g)?.length).toBe(result.pending_approvals)
    const erased = await ended(belay(['actions', 'show', result.erased.action, '--json', ...where]))
    expect(JSON.parse(erased.out)).toMatchObject({ state: 'succeeded', input: null })
    const verified = await ended(belay(['ledger', 'verify', ...where]))
    expect(verified.code).toBe(0)
  })

  test('a folder that holds something is left alone', async () => {
    const other = join(folder, 'mine')
    mkdirSync(other)
    writeFileSync(join(other, 'notes'), 'keep')
    const refused = await ended(belay(['demo', '--exit', '--data', other]))
    expect(refused.code).toBe(2)
    expect(refused.err).toContain('holds something already')
    expect(readFileSync(join(other, 'notes'), 'utf8')).toBe('keep')
    expect(existsSync(join(other, 'demo-policy.yaml'))).toBe(false)
  })
})
