import type { JsonObject, JsonValue } from '../../../action/json.ts'
import type { Detector } from '../../../policy/compile-anomaly.ts'
import type { AgentBehaviour } from './agent-behaviour.ts'
import { DAY, FIELD, FIELD_HEAD, HOUR, type Behaviour } from './behaviour.ts'
import { pathHash, type Features } from './features.ts'
import { fieldAt, learnValue, observe, type Unlearned } from './fields.ts'
import { span, type Told } from './tell.ts'

/** Fields of an agent that are no fields of an input. */
const TOOL = 0x7001
const SEQUENCE = 0x7002
/** Of an action: the shape of its input. */
const SHAPE = 0x7003

export interface NovelValue {
  readonly detector: Detector
  readonly path: number
  readonly b: Behaviour
  readonly value: number
}

const unlearned: Unlearned[] = []
const novel: NovelValue[] = []

/**
 * Looks at every value of an action. The lists that it answers are filled anew by the next call: nothing is allocated
 * for an action that has nothing new.
 */
export function lookForNovel(
  agent: AgentBehaviour,
  b: Behaviour,
  action: number,
  { pairs, count, shape }: Features,
  at: number,
): { readonly unlearned: readonly Unlearned[]; readonly novel: readonly NovelValue[] } {
  unlearned.length = 0
  novel.length = 0
  const { whole } = agent
  look(whole, TOOL, action, 'novel', at)
  if (agent.loops.previous !== 0) look(whole, SEQUENCE, agent.sequence(action), 'sequence', at)
  look(b, SHAPE, shape, 'shape', at)
  for (let i = 0; i < count; i++) look(b, pairs[i * 2]!, pairs[i * 2 + 1]!, 'novel', at)
  return found
}

const found = { unlearned, novel }

function look(b: Behaviour, path: number, value: number, detector: Detector, at: number): void {
  const field = fieldAt(b, path)
  if (field < 0) return
  const novelty = observe(b, field, value, at, detector === 'novel' ? HOUR : 2 * DAY)
  if (novelty === 'known') return
  if (novelty === 'novel') novel.push({ detector, path, b, value })
  else unlearned.push({ b, path, value })
}

/** A value is part of what is normal from now on. */
export function learn({ b, path, value }: Unlearned, at: number): void {
  const field = fieldAt(b, path)
  if (field >= 0) learnValue(b, field, value, at)
}

/** Everything that an action did is part of what is normal from now on. */
export function learnAll(
  agent: AgentBehaviour,
  b: Behaviour,
  action: number,
  { pairs, count, shape }: Features,
  at: number,
): void {
  learn({ b: agent.whole, path: TOOL, value: action }, at)
  learn({ b, path: SHAPE, value: shape }, at)
  for (let i = 0; i < count; i++) learn({ b, path: pairs[i * 2]!, value: pairs[i * 2 + 1]! }, at)
}

export function tellNovel({ detector, path, b }: NovelValue, name: string, what: string, at: number): Told {
  const field = fieldAt(b, path)
  const values = b.learned.fieldHeads[field * FIELD_HEAD.size + FIELD_HEAD.values]!
  const seen = b.learned.fieldNumbers[field * FIELD.size + FIELD.seen]!
  const quiet = at - b.learned.fieldNumbers[field * FIELD.size + FIELD.newAt]!
  const thing =
    path === TOOL
      ? 'another action'
      : detector === 'sequence'
        ? 'an action that never followed the one before'
        : detector === 'shape'
          ? 'an input of another shape'
          : `a value that ${name} never had`
  return {
    message: `${what}: ${thing}. ${values === 1 ? 'One' : values} in ${Math.round(seen)} actions is normal, the last new one ${span(quiet)} ago.`,
    normal: null,
    observed: null,
    unit: null,
    since: at,
  }
}

/** Name and value of the field with this path: only for the rare time that something is to be told of it. */
export function locate(input: JsonObject, path: number): { name: string; value: JsonValue } | undefined {
  const search = (
    value: JsonValue,
    hash: number,
    name: string,
    depth: number,
  ): { name: string; value: JsonValue } | undefined => {
    if (depth > 4) return undefined
    if (Array.isArray(value)) {
      for (const element of value.slice(0, 8)) {
        const hit = search(element, hash, name, depth + 1)
        if (hit !== undefined) return hit
      }
      return undefined
    }
    if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value).slice(0, 64)) {
        const hit = search(member, pathHash(hash, key), name === '' ? key : `${name}.${key}`, depth + 1)
        if (hit !== undefined) return hit
      }
      return undefined
    }
    const kind = kindOf(hash, path)
    return kind === undefined ? undefined : { name: `${kind}${name}`, value }
  }
  return search(input, pathHash(null, ''), '', 0)
}

/** Which part of the value with this hash the path names. */
function kindOf(hash: number, path: number): string | undefined {
  const wanted = path >>> 0
  if (hash >>> 0 === wanted) return ''
  if (pathHash(hash, 'host') >>> 0 === wanted) return 'the host of '
  return pathHash(hash, 'domain') >>> 0 === wanted ? 'the domain of ' : undefined
}
