/** Microseconds per call of each built-in check on 280 characters and on 4 KB. Run: node bench/checks.ts */
import { builtInChecks } from '../src/flow/verify/checks/index.ts'
import type { JsonObject } from '../src/action/json.ts'
import type { PreparedCheck } from '../src/policy/check.ts'

const REPLY =
  'Thanks for reaching out about order 48213! We’re open Monday to Friday from 9 to 5, and our team will be ' +
  'happy to help you with a refund or an exchange. Prices start at $14.90. Details are on ' +
  'https://help.example.com/returns?lang=en – see you soon, and have a lovely weekend 😀. '

const PROSE =
  'The studio opens at nine and closes at five. If a date does not suit you, write to us and we will find ' +
  'another one together; it costs nothing. Most guests bring a towel, a bottle of water and good mood. '

const TEXTS = {
  '280 chars': REPLY.padEnd(280, 'All the best. ').slice(0, 280),
  '4 KB': (REPLY + PROSE.repeat(20)).slice(0, 4096),
  '4 KB, dense': REPLY.repeat(20).slice(0, 4096),
} as const

const THOUSAND_PHRASES = Array.from(
  { length: 1000 },
  (_, at) =>
    `${['profit', 'money', 'loan', 'cure', 'winner'][at % 5]} ${((at * 7919) % 100_000).toString(36)}x`,
)

const OPTIONS: Readonly<Record<string, JsonObject>> = {
  max_length: { field: 'text', platform: 'x', max: 10_000 },
  banned_phrases: { field: 'text', phrases: THOUSAND_PHRASES },
  sentiment: { field: 'text' },
  profanity: { field: 'text' },
  mentions: { field: 'text', list: 'competitors', handles: ['@rival'] },
  links: { field: 'text', allow: ['example.com'] },
  pii: { field: 'text' },
  secrets: {},
}

const setup = { readLines: () => [], lists: { competitors: ['Hootsuite', 'Buffer', 'Sprout Social'] } }
const prepared = builtInChecks.map((check) => ({
  name: check.name,
  run: check.prepare(OPTIONS[check.name] ?? {}, setup),
}))

const header = ['check', ...Object.keys(TEXTS).flatMap((size) => [`p50 µs, ${size}`, 'p99'])]
const rows = [
  ...prepared.map(({ name, run }) => row(name, [run])),
  row(
    'all together',
    prepared.map(({ run }) => run),
  ),
]
for (const cells of [header, ...rows]) {
  console.log(cells.map((cell, at) => (at === 0 ? cell.padEnd(16) : cell.padStart(18))).join(''))
}

function row(name: string, checks: readonly PreparedCheck[]): string[] {
  return [
    name,
    ...Object.values(TEXTS).flatMap((text) => quantiles(checks, text).map((time) => time.toFixed(1))),
  ]
}

function quantiles(checks: readonly PreparedCheck[], text: string): [number, number] {
  const times: number[] = []
  for (let round = 0; round < 3000; round++) {
    // A new string each time, as texts come: nothing about it is known to the engine.
    const input = { text: `${text.slice(0, -6)} ${String(round).padStart(5, '0')}` }
    Buffer.byteLength(input.text)
    const subject = { action: 'bench.text', agent: 'bench', effect: 'write', input, provenance: {} } as const
    const started = process.hrtime.bigint()
    for (const run of checks) void run(subject)
    if (round >= 1000) times.push(Number(process.hrtime.bigint() - started) / 1000)
  }
  times.sort((a, b) => a - b)
  return [times[Math.floor(times.length / 2)] ?? 0, times[Math.floor(times.length * 0.99)] ?? 0]
}
