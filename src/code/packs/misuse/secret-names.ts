import { words } from './calls.ts'

const SECRET =
  /(?:^|_)(?:token|secret|passwords?|passwd|pwd|passphrase|passcode|otp|totp|salt|nonce|csrf|xsrf|sid|session_?(?:id|key|token)|api_?key|access_?key|auth_?(?:code|key)|(?:verification|confirmation|activation|reset|recovery|invite|invitation|login|magic|auth)_?(?:code|link|key|hash)|one_?time_?code|credential|licen[cs]e_?key)(?:_|$)/
const HARMLESS =
  /token_(?:count|limit|index|colou?r|length|size|delay|type|kind|position|usage|price|amount|bucket|name)|(?:max|num|design|color|input|output|prompt|total|next|page|syntax|cancel(?:lation)?|abort)_tokens?|nonce_(?:count|length)|mock|fake|dummy|sample|demo/

/** Whether a name says that whoever can guess the value gets in: a token, a password, an id of a session. */
export function namesSecret(name: string): boolean {
  const plain = words(name)
  return SECRET.test(plain) && !HARMLESS.test(plain)
}

/** Whether a name says that the value is a password that a person chose. */
export function namesPassword(name: string): boolean {
  const plain = words(name)
  return (
    /(?:^|_)(?:passwords?|passwd|pwd|passphrase|pass|plain_?text_?password|plain)(?:_|$)/.test(plain) &&
    !/hash|salt|reset|token|length|field|encrypted|digest|stored/.test(plain)
  )
}

/** Names of what proves who made something: signatures, authentication codes. */
export function namesSignature(name: string): boolean {
  return /(?:^|_)(?:sign|signed|signature|hmac|mac|auth|authenticate|license|licence)(?:_|$)/.test(
    words(name),
  )
}
