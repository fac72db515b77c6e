import { stringify } from 'yaml'

export interface StarterOptions {
  /** Names of agents that `belay init` found; default: one called `my-agent`. */
  readonly agents?: readonly string[]
  /** Names of actions that `belay init` found; default: two examples. */
  readonly actions?: readonly string[]
}

const MAX_NAMES = 50
// As the policy's own schema says; names that do not fit are left out rather than breaking the file.
const NAME = /^[\w.:/@*-]{1,200}$/
const FORBIDDEN: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** The commented `belay.yaml` that `belay init` writes. It loads without a fault. */
export function starterPolicy({ agents = [], actions = [] }: StarterOptions = {}): string {
  const names = usable(agents)
  const found = usable(actions)
  return `# What your agents may do. Docs: docs/policy.md. Check it with: belay policy lint
version: 1

# enforce does what is decided; observe decides and records, and holds nothing back.
# Start with observe on agents that run already, look at the decisions, then enforce.
mode: enforce

# What becomes of an action that no entry below matches: deny, require_approval or allow.
defaults: { decision: deny }

# Limits over all agents together.
budget: [{ limit_usd: 50, per: day }]

agents:
${(names.length > 0 ? names : ['my-agent']).map(agentEntry).join('\n')}

# Each action by its name, or a glob such as payments.*; the closest match counts.
actions:
  # Calls to models through the gateway.
  model.generate:
    effect: read
    cost_usd: 0.05                     # worst case when it is not known before the call
${(found.length > 0 ? found.filter((name) => name !== 'model.generate').map(foundAction) : [EXAMPLES]).join('\n')}

# Lists of words or phrases for conditions: mentions(input.text, lists.competitors)
${found.length > 0 ? 'lists: {}' : 'lists:\n  competitors: [Example Corp]'}

# Who approves. Quorum: how many of them must say yes.
approvers:
  owners: { members: [you@example.com], quorum: 1 }

# notify:
#   slack: { channel: '#agents' }
#   email: { to: [you@example.com] }

# Keys stay in the environment: $NAME is never resolved into this file or any record.
providers:
  openai: { base_url: https://api.openai.com/v1, api_key: $OPENAI_API_KEY }
`
}

const EXAMPLES = `  # An example: a public comment. Checked, limited, approved by a person when the agent is not sure.
  social.comment:
    effect: write                      # read | write | irreversible
    input:
      type: object
      required: [text]
      properties: { text: { type: string, minLength: 1, maxLength: 2000 } }
    verify:                            # docs/checks has them all
      - max_length:     { field: text, platform: instagram }
      - banned_phrases: { field: text, phrases: [guaranteed returns] }
      - sentiment:      { field: text, min: -0.5 }
      - profanity:      { field: text }
      - pii:            { field: text, then: redact }
      - secrets:        {}
      - links:          { field: text, allow: [example.com] }
      - rule: { when: 'history.count("social.comment", "10m") > 20', then: deny, code: 'rule:burst', message: More than 20 comments in ten minutes. }
    approve:
      - { when: 'action.confidence < 0.9 || mentions(input.text, lists.competitors)', by: [owners], expires: 24h }
    undo: { within: 24h }
  # An example: money. Small refunds pass, the sum of a day is watched.
  payments.refund:
    effect: irreversible
    input:
      type: object
      required: [amount]
      properties: { amount: { type: number, exclusiveMinimum: 0 } }
    approve:
      - { when: 'input.amount + history.sum("payments.refund", "input.amount", "24h") > 100', by: [owners] }`

function agentEntry(name: string): string {
  return `  ${key(name)}:
    budget: [{ limit_usd: 10, per: day }, { limit_usd: 1, per: action }]
    rate: [{ limit: 200, per: hour }]
    breaker: { error_rate: 0.2, over: 50, then: pause }`
}

/** What is not known to be harmless waits for a person. */
function foundAction(name: string): string {
  return `  ${key(name)}:
    effect: write                      # read | write | irreversible
    approve: [{ by: [owners] }]        # always; add when: '…' to let the harmless pass`
}

function key(name: string): string {
  return stringify(name, { defaultKeyType: 'PLAIN' }).trim()
}

function usable(names: readonly string[]): readonly string[] {
  return [...new Set(names)].filter((name) => NAME.test(name) && !FORBIDDEN.has(name)).slice(0, MAX_NAMES)
}
