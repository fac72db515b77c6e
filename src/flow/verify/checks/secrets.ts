import type { JsonObject, JsonValue } from '../../../action/json.ts'
import type { Check, CheckFinding } from '../../../policy/check.ts'
import { compileField, FIELD_OPTION, wrongTypeFindings, type FieldText } from '../fields.ts'
import { SECRET_KINDS } from '../../../secrets/find.ts'
import { namedSecret } from '../../../secrets/named-value.ts'
import { findSecrets, type SecretHit } from './secrets/find.ts'
import { redactHits } from './secrets/redact.ts'

/**
 * Credentials on their way out: provider tokens by format, private keys, passwords in URLs and beside a name.
 * Looks at every string of the input, property names too, unless `field` says where. `allow` lists kinds
 * (`jwt`) or exact texts that are known to be harmless. Neither message nor evidence holds the secret.
 */
export const secrets: Check = {
  name: 'secrets',
  options: {
    type: 'object',
    additionalProperties: false,
    properties: {
      field: FIELD_OPTION,
      allow: {
        description:
          'Kinds that may pass, such as jwt, or exact texts that are no secrets, such as a key from published documentation.',
        type: 'array',
        items: { type: 'string', minLength: 1 },
      },
    },
  },
  prepare(options) {
    const textsOf = compileField(options['field'], { keys: true })
    const allowed = allowList(options['allow'])
    return (subject) => {
      const { texts, wrongType } = textsOf(subject.input)
      const findings = wrongTypeFindings(wrongType)
      for (const text of texts) {
        const finding = judge(text, allowed)
        if (finding !== undefined) findings.push(finding)
      }
      return findings
    }
  },
}

const KIND_LIKE = /^[a-z0-9_]{1,20}$/

function allowList(option: JsonValue | undefined): ReadonlySet<string> {
  if (option === undefined) return new Set()
  if (!Array.isArray(option)) throw new Error('allow must be a list of kinds or exact texts')
  for (const entry of option as readonly JsonValue[]) {
    if (typeof entry !== 'string' || entry === '')
      throw new Error('allow must be a list of kinds or exact texts')
    // A mistyped kind would otherwise be an exact text that never occurs.
    if (KIND_LIKE.test(entry) && !SECRET_KINDS.has(entry))
      throw new Error(`allow: there is no kind of secret called "${entry}"`)
  }
  return new Set(option as readonly string[])
}

function judge(field: FieldText, allowed: ReadonlySet<string>): CheckFinding | undefined {
  const { text, path, isKey } = field
  const hits = hitsIn(field).filter(
    (hit) => !allowed.has(hit.kind) && !allowed.has(text.slice(hit.start, hit.end)),
  )
  const [first] = hits
  if (first === undefined) return undefined
  const kinds = [...new Set(hits.map((hit) => hit.kind))]
  return {
    code: `secrets:${first.kind}`,
    message: `The input holds ${hits.length === 1 ? 'a secret' : `${hits.length} secrets`}: ${kinds.map((kind) => kind.replaceAll('_', ' ')).join(', ')}.`,
    evidence: { path: safePath(path, isKey === true), kinds, count: hits.length } satisfies JsonObject,
    // The name of a property cannot be edited; without an edit, `then: redact` refuses.
    ...(isKey ? {} : { edits: [{ path, value: redactHits(text, hits) }] }),
  }
}

/** What the text holds, and the text itself when the property it is the value of is named like a secret. */
function hitsIn({ text, path, isKey }: FieldText): readonly SecretHit[] {
  const hits = findSecrets(text)
  const name = path.at(-1)
  if (isKey || hits.length > 0 || typeof name !== 'string') return hits
  const kind = namedSecret(name, text)
  return kind === undefined ? hits : [{ kind, start: 0, end: text.length }]
}

/** A property name may itself be the secret, of this finding or of another one. */
function safePath(path: FieldText['path'], isKey: boolean): readonly (string | number)[] {
  return path.map((part, index) => {
    if (typeof part === 'number') return part
    const hits = findSecrets(part)
    return hits.length > 0 || (isKey && index === path.length - 1) ? redactHits(part, hits) : part
  })
}
