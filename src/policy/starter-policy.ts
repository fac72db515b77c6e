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
${MODEL_CALLS}
${(found.length > 0 ? found.filter((name) => !WRITTEN.has(name)).map(foundAction) : [EXAMPLES]).join('\n')}

# Lists of words or phrases for conditions: mentions(input.text, lists.competitors)
${found.length > 0 ? 'lists: {}' : 'lists:\n  competitors: [Example Corp]'}

# Who approves. Quorum: how many of them must say yes.
approvers:
  owners: { members: [you@example.com], quorum: 1 }

# notify:
#   slack: { channel: '#agents' }
#   email: { to: [you@example.com] }

# Agents reach these at /openai/v1, /anthropic/v1 … with a Belay key. Keys of providers stay in the environment: $NAME
# is never resolved into this file or any record. A vendor whose variable is set (GEMINI_API_KEY, OPENROUTER_API_KEY,
# GROQ_API_KEY …) needs no entry. Models on your own machine do: ollama: {}
providers:
  openai: { api_key: $OPENAI_API_KEY }
  anthropic: { api_key: $ANTHROPIC_API_KEY }
`
}

/** Names that the file holds already, whatever was found. */
const WRITTEN: ReadonlySet<string> = new Set([
  'model.generate',
  'model.embed',
  'model.list',
  'model.count',
  'tool.*',
])

const MODEL_CALLS = `  # Calls to models through the gateway. What a call can cost at most is reserved before it and must fit the budgets
  # above; what it did cost is charged after. A model whose price nobody knows is refused until providers: says it.
  model.generate:
    effect: read
    timeout: 10m
    verify:
      # What the provider's own tools (web search …) cost is known only afterwards: no budget could hold.
      - rule: { when: has(input.hosted_tools), then: deny, code: 'rule:hosted_tools', message: Tools that the provider runs are not allowed. }
    heal: { retries: 2, max_wait: 20s } # add fallback: [another-model] for when the provider fails
    # result: { verify: [{ secrets: {} }] }   # checks of the answer, before the agent gets it
  model.embed: { effect: read }
  model.list:  { effect: read }
  model.count: { effect: read }

  # Tool calls that a model proposes are judged by the name of the function before the agent sees them.
  # This lets all pass, recorded; name the dangerous ones: tool.delete_file: { effect: irreversible, approve: … }
  tool.*: { effect: write }
`

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
