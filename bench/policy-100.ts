import os from 'node:os'
import { builtInChecks } from '../src/flow/verify/checks/index.ts'
import { loadPolicy } from '../src/policy/load-policy.ts'
import type { Policy } from '../src/policy/policy.ts'

/** A policy of a hundred rules: fifty action entries, and on the measured one the content checks and ten CEL rules. */
export function policyOf100Rules(): Policy {
  const others = Array.from(
    { length: 49 },
    (_, i) =>
      `  service${i}.*: { effect: write, verify: [{ max_length: { field: text, max: 500 } }], approve: [{ when: 'input.amount > ${i}', by: [team] }] }`,
  ).join('\n')
  const conditions = [
    'size(input.text) > 400',
    'action.confidence < 0.3',
    'input.followers > 100000.0 && action.confidence < 0.9',
    'input.language == "xx"',
    'input.language in lists.competitors',
    'action.cost_usd > 1.0',
    'action.session == "blocked" || action.agent == "nobody"',
    'history.count("instagram.comment", "10m") > 1000000',
    'history.count("instagram.*", "1h") > 10000000',
    'has(input.draft) && input.followers < 0',
  ]
  const rules = conditions
    .map((when, i) => `      - rule: { when: '${when}', code: 'rule:r${i}' }`)
    .join('\n')
  const text = `
version: 1
agents:
  commenter: { budget: [{ limit_usd: 9000000, per: month }, { limit_usd: 9000000, per: day }, { limit_usd: 5, per: action }], rate: [{ limit: 900000000, per: hour }], breaker: { error_rate: 0.05, over: 100, then: pause } }
actions:
  instagram.comment:
    effect: write
    cost_usd: 0.0001
    input: { type: object, required: [text], properties: { text: { type: string } } }
    verify:
      - max_length: { field: text, platform: instagram }
      - banned_phrases: { field: text, phrases: [guaranteed returns, act now, free money, risk free] }
      - sentiment: { field: text, min: -0.5 }
      - profanity: { field: text }
      - pii: { field: text, then: redact }
      - secrets: { field: text }
      - links: { field: text, allow: [example.com] }
${rules}
    approve:
      - { when: 'action.confidence < 0.5 || mentions(input.text, lists.competitors)', by: [team] }
${others}
lists: { competitors: [Hootsuite, Buffer] }
approvers: { team: { members: [lead@example.com] } }
`
  const { policy, faults } = loadPolicy({ text, path: 'belay.yaml' }, { checks: builtInChecks })
  if (policy === null) throw new Error(JSON.stringify(faults))
  return policy
}

export const COMMENT =
  'Thank you so much for asking! We are open from nine to six on weekdays and from ten to four on Saturdays. Parking is behind the house, the bus stops at the corner, and the new autumn menu starts next week with three soups, two cakes and a good coffee from the roaster in town. Bye!'

export function percentiles(values: number[]): { p50: number; p95: number; p99: number; max: number } {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

export function machine(): string {
  const [cpu] = os.cpus()
  return `${os.cpus().length} × ${cpu?.model ?? 'unknown CPU'}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, Linux ${os.release()}, Node ${process.version}, load ${os.loadavg()[0]?.toFixed(1)}`
}
