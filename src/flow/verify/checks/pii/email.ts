import { isAlnum, type PiiHit } from './hit.ts'

// RFC 5321: 64 octets before the @, 255 after it.
const LOCAL_MAX = 64
const DOMAIN_MAX = 255
const LOCAL = /^[\p{L}\p{N}]$/u
const DOMAIN = /[\p{L}\p{N}](?:[\p{L}\p{N}.-]*[\p{L}\p{N}])?/uy
// icon@2x.png: file names for dense screens, the one common thing that is written like an address.
const IMAGE = /^[1-4]x\.(?:png|jpe?g|gif|webp|avif|svg)$/i

/** The mail address around the @ at `at`. */
export function emailAt(text: string, at: number): PiiHit | undefined {
  let start = at
  for (let i = at - 1; i >= 0 && at - i <= LOCAL_MAX; i -= 1) {
    const code = text.charCodeAt(i)
    if (isAlnum(code) || (code > 127 && LOCAL.test(text[i]!))) start = i
    else if (!"._%+'&~-".includes(text[i]!)) break
  }
  if (start === at) return undefined
  const local = text.slice(start, at)
  const ahead = text.slice(at + 1, at + 1 + DOMAIN_MAX)
  DOMAIN.lastIndex = 0
  const domain = DOMAIN.exec(ahead)?.[0] ?? ''
  if (!isMailDomain(domain)) return undefined
  const end = at + 1 + domain.length
  // git@host:path and user:password@host are addresses of machines.
  if (local === 'git' && text[end] === ':') return undefined
  if (isUserInfo(text, start)) return undefined
  return { kind: 'email', start, end }
}

function isMailDomain(domain: string): boolean {
  const dot = domain.lastIndexOf('.')
  if (dot < 1 || domain.includes('..') || IMAGE.test(domain)) return false
  // Any name of letters counts as top-level: private networks have mail too, and new ones appear every year.
  return /^\p{L}[\p{L}\p{N}-]+$/u.test(domain.slice(dot + 1))
}

function isUserInfo(text: string, start: number): boolean {
  const head = text.slice(Math.max(0, start - 128), start)
  const scheme = head.lastIndexOf('://')
  return scheme !== -1 && !/[\s/?#"'<>]/.test(head.slice(scheme + 3))
}
