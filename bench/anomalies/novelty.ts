/**
 * How well an action that is unlike anything before is told from one that is not. `node bench/anomalies/novelty.ts FILE`,
 * where FILE is data_full.json of clinc/oos-eval (CC BY 3.0): 150 intents and questions that belong to none.
 */
import { readFileSync } from 'node:fs'
import { Situations } from '../../src/flow/monitor/novelty/situations.ts'
import { wordsIn } from '../../src/flow/monitor/novelty/words.ts'

const file = process.argv[2]
if (file === undefined) throw new Error('name data_full.json of clinc/oos-eval')
type Rows = readonly (readonly [text: string, intent: string])[]
const data = JSON.parse(readFileSync(file, 'utf8')) as Record<'train' | 'test' | 'oos_test', Rows>

const kinds = new Map<string, number>()
const kindOf = (intent: string): number => kinds.get(intent) ?? kinds.set(intent, kinds.size).size - 1
for (const [name, situations, labelled] of [
  ['one centroid for each of the 150 intents', new Situations({ max: 150, split: -1 }), true],
  ['64 situations of one action, not labelled', new Situations(), false],
  ['64 situations, ten actions', new Situations(), 'ten'],
] as const) {
  for (const [text, intent] of shuffled(data.train))
    situations.learn(
      wordsIn(text),
      labelled === true ? kindOf(intent) : labelled === 'ten' ? kindOf(intent) % 10 : 1,
    )
  const known = data.test.map(([text]) => situations.similarity(wordsIn(text)))
  const unknown = data.oos_test.map(([text]) => situations.similarity(wordsIn(text)))
  const from = process.cpuUsage()
  for (const [text] of data.test) situations.similarity(wordsIn(text))
  const { user, system } = process.cpuUsage(from)
  const sorted = known.toSorted((a, b) => a - b)
  const threshold = sorted[Math.floor(sorted.length * 0.05)]!
  const caught = unknown.filter((value) => value < threshold).length / unknown.length
  console.log(
    `${name}: AUC ${auc(known, unknown).toFixed(3)}; at 5% of the known held (below ${threshold.toFixed(2)}), ${(caught * 100).toFixed(0)}% of the unknown; ${((user + system) / data.test.length).toFixed(0)} µs CPU`,
  )
}

/** The chance that one that is known is more familiar than one that is not. */
function auc(known: readonly number[], unknown: readonly number[]): number {
  const all = [
    ...known.map((value) => [value, 1] as const),
    ...unknown.map((value) => [value, 0] as const),
  ].toSorted((a, b) => a[0] - b[0])
  let ranks = 0
  all.forEach(([, isKnown], rank) => (ranks += isKnown === 1 ? rank + 1 : 0))
  return (ranks - (known.length * (known.length + 1)) / 2) / (known.length * unknown.length)
}

function shuffled(rows: Rows): Rows {
  let state = 12_345
  const keys = rows.map((row) => [(state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0), row] as const)
  return keys.toSorted((a, b) => a[0] - b[0]).map(([, row]) => row)
}
