import type { JsonValue } from '../../../action/json.ts'
import type { Check, CheckFinding } from '../../../policy/check.ts'
import { compileField, FIELD_OPTION, wrongTypeFindings, type FieldText } from '../fields.ts'
import { findPii, type PiiHit, type PiiSearchOptions } from './pii/find.ts'
import { DEFAULT_KINDS, KIND_WORDS, PII_KINDS, type PiiKind } from './pii/kinds.ts'
import { checkedRegions } from './pii/phone.ts'
import { replaceSpans } from './pii/spans.ts'

/**
 * Personal data with a structure of its own: addresses of people and machines, numbers of accounts, cards and
 * documents. Names, organisations and free addresses have none and are not attempted. One finding a string,
 * with one edit that replaces everything found in it by labels such as `[email]`.
 */
export const pii: Check = {
  name: 'pii',
  options: {
    type: 'object',
    additionalProperties: false,
    properties: {
      field: FIELD_OPTION,
      kinds: {
        description: 'What to look for. Default: everything but address, which is a guess by shape.',
        type: 'array',
        items: { enum: [...PII_KINDS] },
        minItems: 1,
        uniqueItems: true,
      },
      default_region: {
        description:
          'ISO 3166 code, or several, of the countries whose telephone numbers are known without their country code. Default: US.',
        oneOf: [
          { type: 'string', minLength: 2 },
          { type: 'array', items: { type: 'string', minLength: 2 }, minItems: 1, maxItems: 10 },
        ],
      },
    },
  },
  prepare(options) {
    const textsOf = compileField(options['field'], { keys: true })
    const search: PiiSearchOptions = {
      kinds: kindsOf(options['kinds']),
      regions: regionsOf(options['default_region']),
    }
    return (subject) => {
      const { texts, wrongType } = textsOf(subject.input)
      const findings = wrongTypeFindings(wrongType)
      for (const text of texts) {
        const hits = findPii(text.text, search)
        if (hits.length > 0) findings.push(findingOf(text, hits))
      }
      return findings
    }
  },
}

function kindsOf(option: JsonValue | undefined): ReadonlySet<PiiKind> {
  if (option === undefined) return new Set(DEFAULT_KINDS)
  if (!Array.isArray(option) || option.length === 0 || !option.every(isKind)) {
    throw new Error(`kinds must be a list of some of: ${PII_KINDS.join(', ')}`)
  }
  return new Set(option.filter(isKind))
}

function isKind(value: unknown): value is PiiKind {
  return PII_KINDS.some((kind) => kind === value)
}

function regionsOf(option: JsonValue | undefined): PiiSearchOptions['regions'] {
  if (option === undefined) return ['US']
  const regions = typeof option === 'string' ? [option] : option
  if (
    !Array.isArray(regions) ||
    regions.length === 0 ||
    !regions.every((region) => typeof region === 'string')
  ) {
    throw new Error('default_region must be an ISO 3166 code or a list of them')
  }
  return checkedRegions(regions)
}

const EVIDENCE_MAX = 20

function findingOf({ text, path, isKey }: FieldText, hits: readonly PiiHit[]): CheckFinding {
  const found = PII_KINDS.filter((kind) => hits.some((hit) => hit.kind === kind))
  const words = found.map((kind) => {
    const count = hits.filter((hit) => hit.kind === kind).length
    return count === 1 ? KIND_WORDS[kind] : `${KIND_WORDS[kind]} (${count})`
  })
  return {
    code: `pii:${found[0]}`,
    message: `The input holds personal data: ${words.join(', ')}.`,
    evidence: {
      path: [...path],
      count: hits.length,
      values: hits
        .slice(0, EVIDENCE_MAX)
        .map(({ kind, start, end }) => ({ kind, text: text.slice(start, end) })),
    },
    // The name of a property cannot be edited; without an edit, `then: redact` refuses.
    ...(isKey ? {} : { edits: [{ path, value: replaceSpans(text, hits, ({ kind }) => `[${kind}]`) }] }),
  }
}
