import type { SecretHit } from './find.ts'

const HEAD = /-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----/y
const TAIL = /-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----/y
// What lies between: Base64, its line ends even when escaped in JSON, headers of old and of PGP keys.
const BODY = /[\w+/=\s\\.,:;()@<>"'#!-]/
const BODY_MAX = 16_384

/**
 * A PEM or armoured private key whose first two dashes end at `at` (RFC 7468, RFC 9580). One without an end
 * counts up to the end of what can belong to it: half a key is still most of the secret.
 */
export function pemAt(text: string, at: number): SecretHit | undefined {
  const start = at - 1
  if (!text.startsWith('-----BEGIN ', start)) return undefined
  HEAD.lastIndex = start
  const head = HEAD.exec(text)
  if (head === null) return undefined
  let end = start + head[0].length
  const limit = Math.min(text.length, end + BODY_MAX)
  while (end < limit && BODY.test(text[end]!)) {
    if (text.startsWith('-----END ', end)) {
      TAIL.lastIndex = end
      const tail = TAIL.exec(text)
      return { kind: 'private_key', start, end: end + (tail?.[0].length ?? 0) }
    }
    end += 1
  }
  return { kind: 'private_key', start, end }
}
