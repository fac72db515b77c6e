import { allTaints } from './labels.ts'
import type { Run } from './run.ts'
import { type ObjectRef, type Value } from './value.ts'

const FIELDS = [
  'system',
  'instructions',
  'systemInstruction',
  'systemPrompt',
  'system_instruction',
  'preamble',
  'developer',
] as const
const MESSAGES = ['messages', 'input', 'prompt', 'contents', 'history'] as const
const SYSTEM = /^(?:system|developer)$/

/**
 * What a call of a model takes as instructions: fields of that name, and messages of the roles `system` and
 * `developer`; also in lists, as LangChain takes them, and as pairs of role and text.
 */
export function instructionsIn(run: Run, arg: Value): readonly Value[] {
  const parts: Value[] = []
  const take = (value: Value | undefined): void => {
    if (value !== undefined) parts.push({ ...value, taints: allTaints(value, 3) })
  }
  const message = (each: ObjectRef): void => {
    each.readers.add(run.fn)
    const role = each.fields.get('role')?.constant
    if (typeof role === 'string' && SYSTEM.test(role))
      take(each.fields.get('content') ?? each.fields.get('parts'))
    const pair = each.array ? each.fields.get('0')?.constant : undefined
    if (typeof pair === 'string' && SYSTEM.test(pair)) take(each.fields.get('1'))
  }
  const list = (value: Value | undefined): void => {
    for (const ref of value?.refs ?? []) {
      if (ref.kind !== 'object') continue
      ref.readers.add(run.fn)
      for (const each of [...ref.fields.values(), ref.element])
        for (const one of each.refs) if (one.kind === 'object') message(one)
    }
  }
  if (arg.refs.some((ref) => ref.kind === 'object' && ref.array)) list(arg)
  for (const ref of arg.refs) {
    if (ref.kind !== 'object' || ref.array) continue
    ref.readers.add(run.fn)
    for (const field of FIELDS) take(ref.fields.get(field))
    for (const field of MESSAGES) list(ref.fields.get(field))
    for (const inner of ref.fields.get('config')?.refs ?? [])
      if (inner.kind === 'object') for (const field of FIELDS) take(inner.fields.get(field))
  }
  return parts
}
