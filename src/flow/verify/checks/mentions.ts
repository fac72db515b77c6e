import { normaliseForMatching } from '../../../action/normalise.ts'
import type { Check } from '../../../policy/check.ts'
import { checkTexts, FIELD_OPTION } from '../fields.ts'
import { compilePhrases } from './matching/phrases.ts'

const STRINGS = { type: 'array', items: { type: 'string', minLength: 1 } } as const

/** A handle as it stands in text; not the domain of an e-mail address. */
const HANDLE = /(?<![\p{L}\p{N}_.+@-])@([\p{L}\p{N}_](?:[\p{L}\p{N}_.-]{0,62}[\p{L}\p{N}_])?)/gu

/**
 * Holds text that names one of a list (competitors, persons) or one of the given @handles, for a person to
 * decide: without `then` its findings demand `require_approval`.
 */
export const mentions: Check = {
  name: 'mentions',
  options: {
    type: 'object',
    properties: {
      field: FIELD_OPTION,
      list: {
        type: 'string',
        minLength: 1,
        description: 'Name of a list under lists: whose entries are meant.',
      },
      terms: { ...STRINGS, description: 'Names, in addition to the list.' },
      handles: {
        description: '@handles that count as mentions; any for every handle that is not in allow.',
        oneOf: [{ const: 'any' }, STRINGS],
      },
      allow: { ...STRINGS, description: 'With handles: any, the handles that may be named.' },
    },
    anyOf: [{ required: ['list'] }, { required: ['terms'] }, { required: ['handles'] }],
    additionalProperties: false,
  },
  prepare({ field, list, terms, handles, allow }, setup) {
    const names = [...(typeof list === 'string' ? listNamed(list, setup.lists) : []), ...strings(terms)]
    const find = compilePhrases(names)
    const isWanted = wantedHandles(handles === 'any' ? 'any' : strings(handles), strings(allow))
    return checkTexts(field, ({ text, path }) => {
      const found = [
        ...new Set([...find(text), ...(isWanted === null ? [] : handlesIn(text).filter(isWanted))]),
      ]
      if (found.length === 0) return undefined
      return {
        message: 'The text names somebody on a list that a person has to look at.',
        evidence: { path: [...path], names: found.slice(0, 10) },
        decision: 'require_approval',
      }
    })
  },
}

function wantedHandles(handles: 'any' | readonly string[], allow: readonly string[]) {
  if (handles === 'any') {
    const allowed = new Set(allow.map(bareHandle))
    return (handle: string) => !allowed.has(bareHandle(handle))
  }
  if (handles.length === 0) return null
  const wanted = new Set(handles.map(bareHandle))
  return (handle: string) => wanted.has(bareHandle(handle))
}

function handlesIn(text: string): string[] {
  if (!text.includes('@') && !text.includes('＠')) return []
  return Array.from(normaliseForMatching(text).matchAll(HANDLE), ([, handle]) => `@${handle}`)
}

function bareHandle(handle: string): string {
  return normaliseForMatching(handle).replace(/^@/, '')
}

function listNamed(name: string, lists: Readonly<Record<string, readonly string[]>>): readonly string[] {
  if (Object.hasOwn(lists, name)) return lists[name] ?? []
  throw new Error(
    `mentions: there is no list ${name} under lists; there is: ${Object.keys(lists).join(', ') || 'none'}`,
  )
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : []
}
