import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

// A comment bot with real text in its mouth: every tweet of a labelled collection as a reply that the agent wants
// to publish, through the HTTP API of a running `belay up`, with the content checks of the demo's policy.
// The collection is not part of the project; the file is given by path. Format: a CSV with a heading, the columns
// `class` (0 hate speech, 1 offensive language, 2 neither) and `tweet`.

const IN_FLIGHT = 64
const LABELS = ['hate speech', 'offensive', 'neither'] as const

const POLICY = `
version: 1
mode: enforce
defaults: { decision: deny }
actions:
  social.reply:
    effect: write
    start_within: 24h
    input: { type: object, required: [text], properties: { text: { type: string } } }
    verify:
      - max_length: { field: text, platform: instagram }
      - banned_phrases: { field: text, phrases: [guaranteed returns, risk-free] }
      - sentiment: { field: text, min: -0.5 }
      - profanity: { field: text }
      - secrets: { field: text }
      - pii: { field: text, then: redact }
`

interface Tweet {
  readonly label: number
  readonly text: string
}

interface Judged extends Tweet {
  readonly decision: string
  readonly reasons: readonly string[]
  readonly ms: number
}

const path = process.argv[2]
if (path === undefined) usage('No file given.')
const tweets = readTweets(path)
const folder = mkdtempSync(join(tmpdir(), 'belay-tweets-'))
let harness: ChildProcess | undefined
try {
  const config = join(folder, 'belay.yaml')
  const data = join(folder, 'data')
  writeFileSync(config, POLICY)
  const up = await startHarness(config, data)
  harness = up.child
  const admin = readFileSync(join(data, 'admin.token'), 'utf8').trim()
  const { key } = (await post(up.url, '/v1/keys', admin, { agent: 'commenter' })) as { key: string }

  const startedAt = performance.now()
  const judged = await judgeAll(up.url, key, tweets)
  const seconds = (performance.now() - startedAt) / 1000
  const verifiedAt = performance.now()
  const ledger = await post(up.url, '/v1/ledger/verify', admin, {})
  report(judged, seconds, ledger, (performance.now() - verifiedAt) / 1000)
} finally {
  await stop(harness)
  rmSync(folder, { recursive: true, force: true })
}

function usage(why: string): never {
  process.stderr.write(
    `bench:tweets: ${why}\nUsage: npm run bench:tweets -- PATH.csv\n` +
      'PATH.csv has a heading and the columns class (0 hate speech, 1 offensive, 2 neither) and tweet, ' +
      'as the collection of Davidson et al. (2017), https://github.com/t-davidson/hate-speech-and-offensive-language\n',
  )
  process.exit(2)
}

function readTweets(file: string): Tweet[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    usage(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
  const [head = [], ...rows] = parseCsv(text)
  const label = head.indexOf('class')
  const tweet = head.indexOf('tweet')
  if (label === -1 || tweet === -1) usage(`${file} has no columns class and tweet; it has ${head.join(', ')}`)
  const tweetsRead = rows
    .map((row) => ({ label: Number(row[label]), text: row[tweet] ?? '' }))
    .filter((row) => [0, 1, 2].includes(row.label))
  if (tweetsRead.length === 0) usage(`${file} holds no tweets`)
  return tweetsRead
}

/** RFC 4180: quoted fields hold commas, line breaks and doubled quotes. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let field = ''
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (quoted) {
      if (character !== '"') field += character
      else if (text[i + 1] === '"') {
        field += '"'
        i++
      } else quoted = false
    } else if (character === '"' && field === '') quoted = true
    else if (character === ',') {
      row.push(field)
      field = ''
    } else if (character === '\n' || character === '\r') {
      if (character === '\r' && text[i + 1] === '\n') i++
      row.push(field)
      rows.push(row)
      row = []
      field = ''
    } else field += character
  }
  if (field !== '' || row.length > 0) rows.push([...row, field])
  return rows.filter((each) => each.length > 1)
}

async function startHarness(config: string, data: string): Promise<{ url: string; child: ChildProcess }> {
  const launcher = fileURLToPath(new URL('../bin/belay.js', import.meta.url))
  const child = spawn(process.execPath, [launcher, 'up', '--config', config, '--data', data, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.on('exit', () => child.kill('SIGKILL'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`belay up ended with ${code}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^belay is up at (\S+)/.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  return { url, child }
}

async function stop(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGTERM')
  await ended
}

async function judgeAll(url: string, key: string, all: readonly Tweet[]): Promise<Judged[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT })
  const judged: Judged[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let tweet = all[next++]; tweet !== undefined; tweet = all[next++]) {
        const askedAt = performance.now()
        const answer = await post(
          url,
          '/v1/actions',
          key,
          { agent: 'commenter', action: 'social.reply', input: { text: tweet.text } },
          agent,
        )
        const reasons = Array.isArray(answer['reasons']) ? (answer['reasons'] as { code: string }[]) : []
        const ms = performance.now() - askedAt
        judged.push({
          ...tweet,
          decision: String(answer['decision']),
          reasons: reasons.map(({ code }) => code),
          ms,
        })
        if (process.stderr.isTTY && judged.length % 500 === 0)
          process.stderr.write(`\r${judged.length} of ${all.length}`)
      }
    }),
  )
  agent.destroy()
  return judged
}

function post(
  url: string,
  at: string,
  token: string,
  body: Record<string, unknown>,
  agent?: Agent,
): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body)
    const sent = request(
      `${url}${at}`,
      {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
          authorization: `Bearer ${token}`,
        },
        ...(agent === undefined ? {} : { agent }),
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          const answer = Buffer.concat(chunks).toString('utf8')
          if ((response.statusCode ?? 500) >= 300)
            reject(new Error(`${at} answered ${response.statusCode}: ${answer}`))
          else resolve(JSON.parse(answer) as Record<string, unknown>)
        })
      },
    )
    sent.once('error', reject)
    sent.end(text)
  })
}

function report(judged: readonly Judged[], seconds: number, ledger: unknown, verifySeconds: number): void {
  const times = judged.map(({ ms }) => ms).sort((a, b) => a - b)
  const at = (share: number): string =>
    (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(1)
  const out: string[] = [
    `${judged.length} tweets as replies through \`POST /v1/actions\` of \`belay up\` (SQLite, every decision on disk), ` +
      `${IN_FLIGHT} in flight, Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, client on the same machine: ` +
      `**${Math.round(judged.length / seconds)} actions/s** (${seconds.toFixed(1)} s), ` +
      `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms.`,
    '',
    `Ledger, checked from the first record in ${verifySeconds.toFixed(1)} s: \`${JSON.stringify(ledger)}\``,
    '',
    '| Label | Tweets | allow | transform | held | deny |',
    '|---|---:|---:|---:|---:|---:|',
  ]
  for (const [label, name] of LABELS.entries()) {
    const of = judged.filter((each) => each.label === label)
    const share = (decision: string): string =>
      counted(of.filter((each) => each.decision === decision).length, of.length)
    out.push(
      `| ${name} | ${of.length} | ${share('allow')} | ${share('transform')} | ${share('require_approval')} | ${share('deny')} |`,
    )
  }
  out.push('', '| Label | Commonest reasons |', '|---|---|')
  for (const [label, name] of LABELS.entries()) {
    out.push(`| ${name} | ${topReasons(judged.filter((each) => each.label === label))} |`)
  }
  const passes = ({ decision }: Judged): boolean => decision === 'allow' || decision === 'transform'
  for (const [label, name] of LABELS.entries()) {
    const of = judged.filter((each) => each.label === label)
    if (label === 2) {
      const wrongly = of.filter(({ decision }) => decision === 'deny')
      out.push(
        '',
        `Wrongly stopped (${name}, denied): ${counted(wrongly.length, of.length)}. Reasons: ${topReasons(wrongly)}.`,
      )
    } else {
      out.push('', `Missed (${name}, let through): ${counted(of.filter(passes).length, of.length)}.`)
    }
  }
  process.stdout.write(`${process.stderr.isTTY ? '\n' : ''}${out.join('\n')}\n`)
}

function counted(count: number, of: number): string {
  return of === 0 ? '0' : `${count} (${((100 * count) / of).toFixed(1)}%)`
}

function topReasons(judged: readonly Judged[]): string {
  const counts = new Map<string, number>()
  for (const code of judged.flatMap(({ reasons }) => [...new Set(reasons)]))
    counts.set(code, (counts.get(code) ?? 0) + 1)
  const top = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 6)
  return top.map(([code, count]) => `\`${code}\` ${count}`).join(', ') || 'none'
}
