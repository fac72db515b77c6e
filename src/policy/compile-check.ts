// oxlint-disable unicorn/no-thenable -- `then` is a word of belay.yaml; nothing here is awaited
import { parseDecision } from '../action/decision.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import type { PreparedCheck } from './check.ts'
import { compileAt, messageOf } from './compilation.ts'
import type { Compilation, Sight } from './compilation.ts'
import type { CheckRule, Then } from './policy.ts'
import type { DocumentPath } from './yaml-document.ts'

/** Compiles one line of `verify:`; none when it has a fault, which is reported. `sight`: what a rule may look at. */
export function compileCheck(
  line: JsonObject,
  path: DocumentPath,
  compilation: Compilation,
  sight?: Sight,
): CheckRule[] {
  const [name] = Object.keys(line)
  if (name === undefined) return []
  const source = line[name] as JsonObject | null
  const { then, code, message, tags, ...options } = (source ?? {}) as JsonObject & CommonOptions
  const common = {
    name,
    then: parseThen(then),
    code: code ?? null,
    message: message ?? null,
    tags: tags ?? [],
    source: line[name] as JsonValue,
  }
  if (name === 'rule') {
    const when = compileAt(options['when'] as string, 'bool', [...path, 'rule', 'when'], compilation, sight)
    return when === null ? [] : [{ ...common, run: { kind: 'rule', when } }]
  }
  const check = compilation.checks.get(name)
  if (check === undefined) return []
  try {
    const run: unknown = check.prepare(options, compilation.setup)
    if (typeof run !== 'function') throw new Error('the check prepared no function')
    return [{ ...common, run: run as PreparedCheck }]
  } catch (error) {
    compilation.report(
      [...path, name],
      'policy:check',
      `options that the check ${name} can use`,
      messageOf(error),
    )
    return []
  }
}

interface CommonOptions {
  readonly then?: string
  readonly code?: string
  readonly message?: string
  readonly tags?: readonly string[]
}

function parseThen(word: string | undefined): Then | null {
  if (word === undefined) return null
  if (word === 'redact' || word === 'warn') return word
  return parseDecision(word) ?? 'deny'
}
