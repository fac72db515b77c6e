/**
 * Microseconds per call of each built-in check on 280 characters and on 4 KB; microseconds per KB of a prompt
 * of 20 KB; and the row that each takes longest for among hostile ones of 200 KB. Run: node bench/checks.ts
 */
import { builtInChecks } from '../src/flow/verify/checks/index.ts'
import type { JsonObject } from '../src/action/json.ts'
import type { CheckSubject, PreparedCheck } from '../src/policy/check.ts'

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

const PROMPT = `${REPLY}\n${PROSE.repeat(5)}\n\n`.repeat(40).slice(0, 20_000)

/** What one check or another has to look at anew at every place. */
const HOSTILE_ROWS = [
  'a|a.|a.com |a.com,|a@|ab@cd.ef |7|1 |1-|12.34.|12345 |1.1.1.1.|1a|call 5551234567 |+1 202-555-0143 |born 1 |:|::',
  'a::b:|://|a://b:c@d/|data:text/|=|token=|token=abc123def456 |password is hunter22 |-|sk-|Bearer |f.r.e.e |a1|a$$ ',
  "!|a'|(|[.]| |\n|a\u200b|a\u0301|\ufdfa|😀|👨‍👩‍👧‍👦|🤖 |é|漢|각|привет |４|Σ |\ud83d|DE89 |4111 1111 1111 1111 |Hello, there is nothing here. ",
].flatMap((rows) => rows.split('|'))

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
// `shell` reads command lines, no texts: it has a row of its own at the end.
const prepared = builtInChecks
  .filter(({ name }) => name !== 'shell')
  .map((check) => ({ name: check.name, run: check.prepare(OPTIONS[check.name] ?? {}, setup) }))
/** The content checks that the goal of the documentation is about: `injection` came later and is for results. */
const together = prepared.filter(({ name }) => Object.hasOwn(OPTIONS, name))

const header = ['check', ...Object.keys(TEXTS).flatMap((size) => [`p50 µs, ${size}`, 'p99'])]
const rows = [
  ...prepared.map(({ name, run }) => row(name, [run])),
  row(
    'the first eight',
    together.map(({ run }) => run),
  ),
]
print([header, ...rows])
console.log()
print([
  ['check', 'µs per KB of 20 KB', 'worst of 200 KB, ms', 'in a row of'],
  ...prepared.map(({ name, run }) => {
    const [worst, row] = worstRow(run)
    const perKb = (quantiles([run], PROMPT, 300)[0] * 1000) / PROMPT.length
    return [name, perKb.toFixed(1), worst.toFixed(0), JSON.stringify(row)]
  }),
])

const shell = builtInChecks.find(({ name }) => name === 'shell')?.prepare({ field: 'text' }, setup)
if (shell !== undefined) {
  const [p50, p99] = quantiles([shell], 'cd app && npm test -- --watch=false | tee ../log/run.txt ')
  console.log(`\nshell, a line of two commands: p50 ${p50.toFixed(1)} µs, p99 ${p99.toFixed(1)} µs`)
}

function print(table: readonly (readonly string[])[]): void {
  for (const cells of table)
    console.log(cells.map((cell, at) => (at === 0 ? cell.padEnd(16) : cell.padStart(20))).join(''))
}

/** The best of three for each row, so that it is the row that is slow and not the machine. */
function worstRow(run: PreparedCheck): [number, string] {
  const times = HOSTILE_ROWS.map((unit): [number, string] => {
    const took = [1, 2, 3].map((round) => {
      const text = `${unit.repeat(Math.ceil(200_000 / unit.length)).slice(0, 200_000)} ${round}`
      Buffer.byteLength(text)
      const started = performance.now()
      void run(subjectOf(text))
      return performance.now() - started
    })
    return [Math.min(...took), unit]
  })
  return times.toSorted((a, b) => b[0] - a[0])[0] ?? [0, '']
}

function subjectOf(text: string): CheckSubject {
  return { action: 'bench.text', agent: 'bench', effect: 'write', input: { text }, provenance: {} }
}

function row(name: string, checks: readonly PreparedCheck[]): string[] {
  return [
    name,
    ...Object.values(TEXTS).flatMap((text) => quantiles(checks, text).map((time) => time.toFixed(1))),
  ]
}

function quantiles(checks: readonly PreparedCheck[], text: string, rounds = 3000): [number, number] {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    // A new string each time, as texts come: nothing about it is known to the engine.
    const fresh = `${text.slice(0, -6)} ${String(round).padStart(5, '0')}`
    Buffer.byteLength(fresh)
    const subject = subjectOf(fresh)
    const started = process.hrtime.bigint()
    for (const run of checks) void run(subject)
    if (round >= rounds / 3) times.push(Number(process.hrtime.bigint() - started) / 1000)
  }
  times.sort((a, b) => a - b)
  return [times[Math.floor(times.length / 2)] ?? 0, times[Math.floor(times.length * 0.99)] ?? 0]
}
