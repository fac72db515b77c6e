import type { Scope } from '../src/policy/policy.ts'
import { compileExpression } from '../src/policy/cel.ts'
import { COMMENT, machine } from './policy-100.ts'

/** Microseconds for one evaluation of typical conditions. */
const CONDITIONS = [
  'action.confidence < 0.9',
  'input.amount + history.sum("payments.refund", "input.amount", "24h") > 10000',
  'input.tags.exists(t, t == "z")',
  'action.confidence < 0.9 || mentions(input.text, lists.competitors)',
  'size(input.text) > 280',
  'input.text.matches("(?i)guaranteed\\\\s+returns")',
]
const scope: Scope = {
  action: {
    name: 'x.y',
    agent: 'a',
    session: 's',
    reason: 'r',
    confidence: 0.97,
    cost_usd: 0,
    effect: 'write',
  },
  input: { text: COMMENT.slice(0, 280), amount: 12, tags: ['a', 'b', 'c'] },
  result: null,
  agent: { name: 'a', state: 'active' },
  history: { count: () => 3, sum: () => 100 },
  now: Date.now(),
}
console.log(machine())
console.log('| Condition | µs |\n|---|---:|')
for (const source of CONDITIONS) {
  const compiled = compileExpression(source, 'bool', { competitors: ['Hootsuite', 'Buffer'] })
  const runs: number[] = []
  for (let run = 0; run < 7; run++) {
    const started = performance.now()
    for (let i = 0; i < 20_000; i++) compiled.evaluate(scope)
    runs.push(((performance.now() - started) * 1000) / 20_000)
  }
  console.log(`| \`${source}\` | ${(runs.toSorted((a, b) => a - b)[3] ?? 0).toFixed(2)} |`)
}
