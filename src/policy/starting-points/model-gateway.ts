import type { StartingPoint } from './starting-point.ts'

const PROVIDERS = `# Agents reach these at /openai/v1, /anthropic/v1 … with a Belay key. Keys of providers stay in the environment: $NAME
# is never resolved into this file or any record. A vendor whose variable is set (GEMINI_API_KEY, OPENROUTER_API_KEY,
# GROQ_API_KEY …) needs no entry. Models on your own machine do: ollama: {}
providers:
  openai: { api_key: $OPENAI_API_KEY }
  anthropic: { api_key: $ANTHROPIC_API_KEY }`

/** Calls to models through the gateway, and the tools that models ask for. */
export const modelGateway: StartingPoint = {
  name: 'model-gateway',
  summary: 'calls to models: budgets, keys kept out of prompts, failures healed, tool calls judged',
  includes: [],
  limits: { usdPerDay: 10, usdPerAction: 1, actionsPerHour: 500, errorRate: 0.2 },
  parts: [
    {
      name: 'models',
      section: PROVIDERS,
      actions:
        () => `  # Calls to models through the gateway. What a call can cost at most is reserved before it and must fit the budgets
  # above; what it did cost is charged after. A model whose price nobody knows is refused until providers: says it.
  model.generate:
    effect: read
    timeout: 10m
    verify:
      # Keys and passwords in a prompt are replaced before it goes out. For an agent that edits files which hold such
      # values on purpose (test keys), write then: warn, or it writes the replacement back.
      - secrets: { field: text, then: redact }
      # - pii: { field: text, then: redact }
      # What the provider's own tools (web search …) cost is known only afterwards: no budget could hold.
      - rule: { when: has(input.hosted_tools), then: deny, code: 'rule:hosted_tools', message: Tools that the provider runs are not allowed. }
    heal: { retries: 2, max_wait: 20s } # add fallback: [another-model] for when the provider fails
    # result: { verify: [{ secrets: { then: redact } }] }   # checks of the answer, before the agent gets it
  model.embed: { effect: read, verify: [{ secrets: { then: redact } }] }
  model.list:  { effect: read }
  model.count: { effect: read }`,
    },
    {
      name: 'tools',
      actions:
        () => `  # Tool calls that a model proposes are judged by the name of the function before the agent sees them. All pass,
  # recorded; those whose name says that they destroy, pay or publish wait for a person (approval_wait, 120s).
  tool.*: { effect: write }
  tool.*delete*: &tool_asked
    effect: irreversible
    approve: [{ by: [default], expires: 1h }]
  tool.*remove*: *tool_asked
  tool.*drop*: *tool_asked
  tool.*refund*: *tool_asked
  tool.*transfer*: *tool_asked
  tool.*deploy*: *tool_asked
  tool.*publish*: *tool_asked`,
    },
  ],
}
