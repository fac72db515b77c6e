import { NAMED_VALUES } from './provider-values.ts'
import { isPlaceholder, looksRandom } from './looks-random.ts'
import { compileValue } from './shape.ts'

const PASSWORD = /(?:pass(?:word|wd|phrase|code)?|pwd|passwort|kennwort|contrase[nñ]a|motdepasse|senha)\d?$/
const SECRET =
  /(?:secret|token|apikey|accesskey|secretkey|privatekey|encryptionkey|signingkey|masterkey|accountkey|authkey|servicekey|sharedkey|licensekey|secretaccesskey|clientkey|appkey|credentials?|auth|bearer|xapikey|secretkeybase)(?:value|v?\d)?$/
// Tokens that only page, guard a form or name something, and keys of tables.
const HARMLESS =
  /(?:page|next|sync|continuation|continue|cursor|csrf|xsrf|public|pub|idempotency|max|num|total|prompt|completion|input|output|cache|sort|partition|primary|foreign|device|stop|pad|eos|bos|unk|mask)token$|(?:public|publishable|cache|sort|partition|primary|foreign|idempotency)key$/
const PROVIDERS = Object.entries(NAMED_VALUES).map(([name, shapes]) => ({
  name,
  shapes: shapes.map(compileValue),
}))
const PROVIDER = new RegExp(PROVIDERS.map(({ name }) => name).join('|'))
const VALUE_MAX = 512

/** What kind of secret a value is when it stands under this name, if any. */
export function namedSecret(name: string, value: string): string | undefined {
  return secretUnder(plainName(name), value)
}

/** A name in lower case, letters and digits only. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}

/** Whether any value can be a secret under this plain name: reading the value costs more than asking. */
export function mayNameSecret(plain: string): boolean {
  return PASSWORD.test(plain) || SECRET.test(plain) || PROVIDER.test(plain)
}

/** `namedSecret` for a name that is plain already. */
export function secretUnder(plain: string, value: string): string | undefined {
  if (value.length < 6 || value.length > VALUE_MAX) return undefined
  if (PASSWORD.test(plain)) return isPassword(value) ? 'password' : undefined
  if (SECRET.test(plain) && !HARMLESS.test(plain)) return isKey(value) ? 'named_secret' : undefined
  return providerOf(plain, value)
}

function providerOf(name: string, value: string): string | undefined {
  if (value.length < 14 || !PROVIDER.test(name)) return undefined
  const found = PROVIDERS.find(
    (provider) => name.includes(provider.name) && provider.shapes.some((shape) => shape.test(value)),
  )
  return found !== undefined && looksRandom(value, 3) ? found.name : undefined
}

function isPassword(value: string): boolean {
  if (isPlaceholder(value) || isPath(value) || isExpression(value) || /pass(?:word|wd)?$/i.test(value))
    return false
  // Words alone are labels, types and messages far more often than passwords.
  return /\d/.test(value) || (/\p{L}/u.test(value) && /[^\p{L}\p{N}\s_.,:;'"/()-]/u.test(value))
}

function isKey(value: string): boolean {
  if (
    value.length < 16 ||
    !/^[\w+/=.~:-]+$/.test(value) ||
    isPath(value) ||
    isExpression(value) ||
    value.startsWith('urn:')
  )
    return false
  return /\d/.test(value) && looksRandom(value, 3)
}

/** Code that fetches the value: `this.options.token`, `lib_1.Token.next`. */
function isExpression(value: string): boolean {
  return (
    /^!?[A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*)+$/.test(value) && (value.match(/\d/g)?.length ?? 0) <= 2
  )
}

function isPath(value: string): boolean {
  return /^(?:https?:|file:|[.~]{0,2}\/)[\w./:-]*[./][\w.-]+$/.test(value) && !/[+=]/.test(value)
}
