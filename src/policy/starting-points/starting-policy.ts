import { stringify } from 'yaml'
import { business } from './business.ts'
import { codingAgent } from './coding-agent.ts'
import { mcp } from './mcp.ts'
import { modelGateway } from './model-gateway.ts'
import type { AgentLimits, StartingPart, StartingPoint, StartingPointName } from './starting-point.ts'

export { STARTING_POINTS } from './starting-point.ts'
export type { StartingPointName } from './starting-point.ts'

const POINTS: Readonly<Record<StartingPointName, StartingPoint>> = {
  'coding-agent': codingAgent,
  business,
  mcp,
  'model-gateway': modelGateway,
}

export interface StartingPolicyOptions {
  /** What to start from; several are combined, and what one includes comes with it. */
  readonly points: readonly StartingPointName[]
  /** Of a point only these parts, by their names; default: all. */
  readonly parts?: Readonly<Partial<Record<StartingPointName, readonly string[]>>>
  /** Names of agents that get an entry of their own beside that for all others. */
  readonly agents?: readonly string[]
  /** Names of further actions, which wait for a person until somebody says what they may do. */
  readonly actions?: readonly string[]
  /** The project's folder, absolute. */
  readonly folder: string
}

const MAX_NAMES = 50
// As the policy's own schema says; names that do not fit are left out rather than breaking the file.
const NAME = /^[\w.:/@*-]{1,200}$/
const FORBIDDEN: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** One line about a starting point, for whoever chooses. */
export function summaryOf(name: StartingPointName): string {
  return POINTS[name].summary
}

/** The names of a point's parts. */
export function partsOf(name: StartingPointName): readonly string[] {
  return POINTS[name].parts.map((part) => part.name)
}

/** The points and all that they include, each once, in the order of the file. */
export function withIncluded(names: readonly StartingPointName[]): readonly StartingPointName[] {
  const all = new Set<StartingPointName>()
  const add = (name: StartingPointName): void => {
    if (all.has(name)) return
    all.add(name)
    POINTS[name].includes.forEach(add)
  }
  names.forEach(add)
  return (Object.keys(POINTS) as StartingPointName[]).filter((name) => all.has(name))
}

/**
 * The commented `belay.yaml` that `belay init` writes: under `observe`, because limits that nobody has measured
 * against the agent's own days get switched off. It loads and lints without a fault.
 */
export function startingPolicy(options: StartingPolicyOptions): string {
  const points = withIncluded(options.points).map((name) => POINTS[name])
  const parts = points.flatMap((point) => {
    const wanted = options.parts?.[point.name]
    return wanted === undefined ? point.parts : point.parts.filter(({ name }) => wanted.includes(name))
  })
  const limits = points.map((point) => point.limits).reduce(higher)
  const agents = usable(options.agents ?? []).filter((name) => name !== '*')
  const written = new Set(parts.flatMap(entryNames))
  const found = usable(options.actions ?? []).filter((name) => !written.has(name))
  // Parts may name the same list.
  const lists = [...new Set(parts.flatMap((part) => part.lists?.(options.folder) ?? []))]
  return `${[
    head(limits),
    `agents:\n${[...agents, '*'].map((name) => agentEntry(name, limits)).join('\n')}`,
    `# Each action by its name, or a glob such as payments.*; the closest match counts.\nactions:\n${[
      ...parts.map(({ actions }) => actions(options.folder)),
      ...(found.length > 0 ? [found.map(foundAction).join('\n')] : []),
    ].join('\n\n')}`,
    ...(lists.length > 0
      ? [`# Words that conditions and checks above name.\nlists:\n${lists.join('\n')}`]
      : []),
    approvers(parts),
    NOTIFY,
    ...parts.flatMap(({ section }) => section ?? []),
  ].join('\n\n')}\n`
}

function head({ usdPerDay }: AgentLimits): string {
  return `# What your agents may do. Docs: docs/policy.md. Check it with: belay policy lint
version: 1

# observe decides and records, and holds NOTHING back; enforce does what is decided.
# Begin with observe; belay policy preview shows what enforcing would have held back. When it looks right, enforce.
mode: observe

# What becomes of an action that no entry below matches: deny, require_approval or allow.
defaults: { decision: deny }

# Limits over all agents together.
budget: [{ limit_usd: ${usdPerDay * 5}, per: day }]`
}

const NOTIFY = `# notify:
#   slack: { channel: '#agents' }
#   email: { to: [you@example.com] }`

function approvers(parts: readonly StartingPart[]): string {
  return `# Who approves: put your own people here before you enforce. Quorum: how many of them must say yes.
approvers:
${['  default: { members: [you@example.com], quorum: 1 } # asked wherever nobody else is named', ...parts.flatMap((part) => part.approvers ?? [])].join('\n')}`
}

function higher(a: AgentLimits, b: AgentLimits): AgentLimits {
  return {
    usdPerDay: Math.max(a.usdPerDay, b.usdPerDay),
    usdPerAction: Math.max(a.usdPerAction, b.usdPerAction),
    actionsPerHour: Math.max(a.actionsPerHour, b.actionsPerHour),
    errorRate: Math.max(a.errorRate, b.errorRate),
  }
}

function agentEntry(name: string, limits: AgentLimits): string {
  return `${name === '*' ? '  # Every agent without an entry of its own, each for itself.\n' : ''}  ${key(name)}:
    budget: [{ limit_usd: ${limits.usdPerDay}, per: day }, { limit_usd: ${limits.usdPerAction}, per: action }]
    rate: [{ limit: ${limits.actionsPerHour}, per: hour }]
    breaker: { error_rate: ${limits.errorRate}, over: 100, then: pause }`
}

/** What is not known to be harmless waits for a person. */
function foundAction(name: string): string {
  return `  ${key(name)}:
    effect: write                      # read | write | irreversible
    approve: [{ by: [default] }]        # always; add when: '…' to let the harmless pass`
}

function entryNames({ actions }: StartingPart): string[] {
  return [...actions('/').matchAll(/^ {2}([^\s#:]+):/gm)].map(([, name]) => name as string)
}

function key(name: string): string {
  return name === '*' ? "'*'" : stringify(name, { defaultKeyType: 'PLAIN' }).trim()
}

function usable(names: readonly string[]): readonly string[] {
  return [...new Set(names)].filter((name) => NAME.test(name) && !FORBIDDEN.has(name)).slice(0, MAX_NAMES)
}
