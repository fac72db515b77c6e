import { createHash } from 'node:crypto'
import type { JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { PageCall, PageCallName, UploadedFile } from '../../flow/contain/browser/page-calls.ts'
import { PAGE_CALLS, shownAddress } from '../../flow/contain/browser/page-calls.ts'
import { checkTarget, elementAnswer, type Element, type Target } from '../../flow/contain/browser/locate.ts'
import type { BrowserRule } from '../../policy/compile-browser.ts'
import { compileValidator } from '../http-api/schema-validation.ts'
import { costUsd, object, words } from '../http-api/schemas.ts'

/** A call of a page as an agent asks for it. */
export interface AskedCall {
  readonly call: PageCallName
  readonly target?: Target
  readonly url?: string
  readonly value?: string
  /** The name of a secret of the account, in the place of `value`. */
  readonly secret?: string
  readonly key?: string
  readonly values?: readonly string[]
  /** Contents as base64. */
  readonly files?: readonly { readonly name: string; readonly type?: string; readonly content: string }[]
  readonly full_page?: boolean
  /** What the page's questions are answered with during the call; they are dismissed unless told. */
  readonly dialog?: 'accept' | 'dismiss'
  readonly reason?: string
  readonly confidence?: number
  readonly cost_usd?: number
}

const MAX_UPLOAD = 8 * 1024 * 1024
const line = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength }) as const

const targetSchema = {
  ...object({
    selector: { ...line(1_000), description: 'CSS' },
    role: { ...line(50), pattern: '^[a-z]+$', description: 'ARIA, such as button' },
    name: { ...line(300), description: 'accessible name, beside role' },
    label: line(300),
    placeholder: line(300),
    text: line(300),
    exact: { type: 'boolean', description: 'the whole text in its case; else a part of it in any case' },
  }),
  description: 'one visible element: one of selector, role, label, placeholder, text',
}

export const callSchema = object(
  {
    call: { type: 'string', enum: PAGE_CALLS },
    target: targetSchema,
    url: { ...line(4_000), description: 'goto: http or https, of a host that the account allows' },
    value: { type: 'string', maxLength: 100_000, description: 'fill' },
    secret: { ...line(100), description: 'fill: the name of a secret of the account, in the place of value' },
    key: {
      type: 'string',
      maxLength: 60,
      pattern:
        '^(?:(?:Alt|Control|Meta|Shift|ControlOrMeta)\\+){0,3}(?:[A-Z][A-Za-z0-9]{0,19}|[\\x21-\\x7e])$',
      description: 'press: such as Enter, Tab, Control+A',
    },
    values: {
      type: 'array',
      items: { type: 'string', maxLength: 300 },
      maxItems: 100,
      description: 'select',
    },
    files: {
      type: 'array',
      maxItems: 10,
      description: 'upload: together at most 8 MB',
      items: object(
        {
          name: { ...line(200), pattern: '^[^/\\\\\\x00-\\x1f]+$' },
          type: { ...line(100), pattern: '^[\\x21-\\x7e]+$' },
          content: { type: 'string', maxLength: 12_000_000, description: 'base64' },
        },
        ['name', 'content'],
      ),
    },
    full_page: { type: 'boolean', description: 'screenshot: all of the page' },
    dialog: {
      type: 'string',
      enum: ['accept', 'dismiss'],
      description: "what the page's questions are answered with meanwhile. Default: dismiss",
    },
    reason: words(2_000, "the agent's own reason"),
    confidence: { type: 'number', minimum: 0, maximum: 1 },
    cost_usd: costUsd,
  },
  ['call'],
)

/** Of each call: what it must and may have, and whether it is about an element. */
const PARTS: Readonly<
  Record<PageCallName, { readonly needs: readonly string[]; readonly may: readonly string[] }>
> = {
  goto: { needs: ['url'], may: ['dialog'] },
  click: { needs: ['target'], may: ['dialog'] },
  fill: { needs: ['target'], may: ['value', 'secret', 'dialog'] },
  press: { needs: ['key'], may: ['target', 'dialog'] },
  select: { needs: ['target', 'values'], may: ['dialog'] },
  upload: { needs: ['target', 'files'], may: ['dialog'] },
  download: { needs: ['target'], may: ['dialog'] },
  text: { needs: [], may: ['target'] },
  screenshot: { needs: [], may: ['full_page'] },
}
const ALWAYS = ['call', 'reason', 'confidence', 'cost_usd']
const validate = compileValidator(callSchema, 'body')

/** Throws `input:…` for what is no call. */
export function readCall(body: unknown): AskedCall {
  validate(body)
  const asked = body as AskedCall
  const { needs, may } = PARTS[asked.call]
  for (const part of needs)
    if (asked[part as keyof AskedCall] === undefined)
      throw invalid(part, `a value for ${asked.call}`, 'nothing')
  for (const part of Object.keys(asked))
    if (asked[part as keyof AskedCall] !== undefined && ![...needs, ...may, ...ALWAYS].includes(part))
      throw invalid(part, `nothing for ${asked.call}`, 'a value')
  if (asked.call === 'fill' && (asked.value === undefined) === (asked.secret === undefined))
    throw invalid('value', 'either value or secret', asked.value === undefined ? 'neither' : 'both')
  if (asked.target !== undefined) checkTarget(asked.target, 'body.target')
  return asked
}

/** What stands in the record for a value that is not to be kept. */
const NOT_KEPT = '(not kept)'

/** The call with its secrets in it: never recorded, never shown. Throws `input:invalid`, `browser:host`. */
export function performable(
  asked: AskedCall,
  account: string,
  rule: BrowserRule,
  env: NodeJS.ProcessEnv,
): PageCall {
  const { call, target, url, key, values, dialog, full_page: fullPage } = asked
  const value = asked.secret === undefined ? asked.value : secretOf(asked.secret, account, rule, env)
  const files = asked.files === undefined ? undefined : filesOf(asked.files)
  return {
    call,
    ...(target !== undefined && { target }),
    ...(url !== undefined && { url }),
    ...(value !== undefined && { value }),
    ...(key !== undefined && { key }),
    ...(values !== undefined && { values }),
    ...(files !== undefined && { files }),
    ...(dialog !== undefined && { dialog }),
    ...(fullPage !== undefined && { fullPage }),
  }
}

/** What is decided on and recorded: where, on what, with which values; files by their digests. */
export function inputOf(
  asked: AskedCall,
  call: PageCall,
  where: { readonly account: string; readonly address: string; readonly element: Element | undefined },
): JsonObject {
  const { target, key, values, dialog, secret, full_page: fullPage } = asked
  const { element } = where
  const value = secret !== undefined || element?.sensitive === true ? NOT_KEPT : call.value
  return {
    account: where.account,
    url: asked.call === 'goto' ? (asked.url ?? '') : shownAddress(where.address),
    ...(target !== undefined && { target: { ...target } }),
    ...(element !== undefined && { element: elementAnswer(element) }),
    ...(call.value !== undefined && { value: value ?? '' }),
    ...(secret !== undefined && { secret }),
    ...(key !== undefined && { key }),
    ...(values !== undefined && { values: [...values] }),
    ...(call.files !== undefined && {
      files: call.files.map(({ name, type, content }) => ({
        name,
        type,
        bytes: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
      })),
    }),
    ...(dialog !== undefined && { dialog }),
    ...(fullPage !== undefined && { full_page: fullPage }),
  }
}

const MAY_CHANGE = ['url', 'value', 'values', 'key', 'dialog'] as const

/**
 * The call as it was released: a check may have redacted a value, a person may have edited one. Throws
 * `input:invalid` when something else was changed, such as the element: nothing is done then.
 */
export function releasedCall(call: PageCall, proposed: JsonObject, released: JsonObject): PageCall {
  const changed: Record<string, unknown> = {}
  for (const part of new Set([...Object.keys(proposed), ...Object.keys(released)])) {
    if (JSON.stringify(proposed[part]) === JSON.stringify(released[part])) continue
    const known = (MAY_CHANGE as readonly string[]).includes(part) && (part !== 'url' || call.call === 'goto')
    if (!known) throw invalid(part, 'what was proposed', 'something else')
    changed[part] = released[part]
  }
  if (Object.keys(changed).length === 0) return call
  const { call: name, target } = call
  readCall({
    call: name,
    ...(target !== undefined && { target }),
    ...pick(released, MAY_CHANGE),
    ...(call.files !== undefined && { files: [] }),
  })
  return { ...call, ...changed }
}

function pick(from: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)))
}

function secretOf(name: string, account: string, { secrets }: BrowserRule, env: NodeJS.ProcessEnv): string {
  const written = Object.hasOwn(secrets, name) ? secrets[name] : undefined
  if (written === undefined) throw invalid('secret', `a name under browsers.${account}.secrets`, name)
  if (!written.startsWith('$')) return written
  const value = env[written.slice(1)]
  if (value !== undefined && value !== '') return value
  throw new BelayError('browser:unavailable', {
    account,
    cause: `the environment variable ${written.slice(1)} is not set`,
  })
}

function filesOf(files: NonNullable<AskedCall['files']>): readonly UploadedFile[] {
  let size = 0
  return files.map(({ name, type = 'application/octet-stream', content }, at) => {
    const bytes = Buffer.from(content, 'base64')
    if (bytes.toString('base64').replace(/=+$/, '') !== content.replace(/=+$/, ''))
      throw invalid(`files.${at}.content`, 'base64', 'something else')
    size += bytes.length
    if (size > MAX_UPLOAD)
      throw new BelayError('input:too_large', {
        where: 'body.files',
        max: `${MAX_UPLOAD} bytes`,
        got: 'more',
      })
    return { name, type, content: bytes }
  })
}

function invalid(part: string, expected: string, got: string): BelayError {
  return new BelayError('input:invalid', { where: `body.${part}`, expected, got })
}
