import { firstUnsettled } from '../../../../action/normalise.ts'
import { isFileExtension, isTopLevelDomain } from './top-level-domains.ts'

export interface Link {
  /** Lower case, ASCII (punycode), without a final dot; `null` when no two programs would agree on it. */
  readonly host: string | null
  /** As it stands in the prepared text. */
  readonly text: string
  /** Where it stands in the prepared text. */
  readonly start: number
  readonly end: number
}

export interface Links {
  readonly links: readonly Link[]
  /** The text in which they were found: the original without its disguises. */
  readonly prepared: string
}

const NOT_ASCII = /[^\x00-\x7f]/ // oxlint-disable-line no-control-regex
const INVISIBLE = /[\p{Cf}\p{Variation_Selector}\u034f\u115f\u1160\u3164\uffa0]/gu
// Full stops of other scripts that browsers take for the dot of a host (UTS #46).
const OTHER_DOTS = /[\u3002\uff0e\uff61\u2024]/g

const MAY_BE_DEFANGED = /hxxp|[[({]/i
const DEFANGED_DOT = /[ \t]?[[({][ \t]?(?:\.|dot)[ \t]?[\])}][ \t]?/gi
const DEFANGED_COLON = /\[:(?:\/\/)?\]/g
const DEFANGED_SCHEME = /\bhxxp/gi

/** Up to white space, quotes, angle brackets and brackets: what mail and chat programs take for the rest of a link. */
const REST = '[^\\s<>"\'`|()\\[\\]{}]*'

const LABEL = '[\\p{L}\\p{N}\\p{M}_-]+'

// No alternative begins inside a run of letters, so that no run is scanned twice.
// 1: a scheme and what follows; 2: what runs on a click; 3: a bare name and the rest.
const CANDIDATE = new RegExp(
  '(?<![\\p{L}\\p{N}\\p{M}_-])(?:' +
    `((?:https?|ftps?|wss?|file|[a-z][a-z0-9+.-]{1,20}(?=:[\\\\/]{2})):[\\\\/]*(?:[^\\s<>"\\\\/@]{0,256}@)?(?:\\[[0-9a-f:.%]{0,60}\\])?${REST})` +
    `|((?:javascript:|vbscript:|data:,|data:[a-z]{2,20}/)(?!\\s)${REST})` +
    `|(${LABEL}(?:\\.${LABEL})+\\.?(?:[:/?#\\\\]${REST})?)` +
    ')',
  'giu',
)

/** What a browser only writes in lower case: no user, no port, no number at the end, nothing encoded. */
const PLAIN_HOST = /^(?!.{64}|.*xn--)(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*$/i

const AUTHORITY = /^[a-z][a-z0-9+.-]*:[\\/]*([^\s/?#]*)/i
const WRONG_END = /[^\p{L}\p{N}\p{M}\]/]+$/u
const PORT = /^:\d{1,5}(?:[/?#\\]|$)/
const BARE_HOST = /^[\p{L}\p{N}\p{M}_-]+(?:\.[\p{L}\p{N}\p{M}_-]+)+/u

/**
 * Every URL in a text, and every name that programs would turn into a link: with a scheme, or with a known
 * top-level domain; through `hxxp`, `[.]`, zero-width characters and full-width letters. File names
 * (`README.md`), abbreviations (`e.g.`), numbers and e-mail addresses are none. Linear in the length.
 */
export function linksIn(text: string): Links {
  const prepared = prepare(text)
  const links: Link[] = []
  // No link holds white space, so only the pieces between that can hold one are read.
  for (let sign = nextSign(prepared, 0); sign !== -1;) {
    let start = sign
    while (start > 0 && !isSpace(prepared.charCodeAt(start - 1))) start -= 1
    let end = sign + 1
    while (end < prepared.length && !isSpace(prepared.charCodeAt(end))) end += 1
    // With the space behind it, which some links must not end at.
    linksInPiece(prepared.slice(start, end + 1), start, links)
    sign = nextSign(prepared, end)
  }
  return { links, prepared }
}

/** The next dot between labels or colon after a scheme, from `from` on. */
function nextSign(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit === DOT) {
      if (isInLabel(text.charCodeAt(at + 1)) && isInLabel(text.charCodeAt(at - 1))) return at
    } else if (unit === COLON && at > 0 && (at + 1 === text.length || !isSpace(text.charCodeAt(at + 1))))
      return at
  }
  return -1
}

const DOT = 46
const COLON = 58

/** White space of ASCII; the other kinds end a link as well, which the pattern sees to. */
function isSpace(unit: number): boolean {
  return unit === 32 || (unit >= 9 && unit <= 13)
}

/** May be part of a label: of what is not ASCII the pattern tells. */
function isInLabel(unit: number): boolean {
  return (
    (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90) || (unit >= 48 && unit <= 57) ||
    unit === 95 || unit === 45 || unit >= 128
  ) // prettier-ignore
}

function linksInPiece(piece: string, offset: number, links: Link[]): void {
  CANDIDATE.lastIndex = 0
  for (let match = CANDIDATE.exec(piece); match !== null; match = CANDIDATE.exec(piece)) {
    const [whole, withScheme, script, bare] = match
    const trimmed = whole.replace(WRONG_END, '')
    const start = offset + match.index
    const at = { text: trimmed, start, end: start + trimmed.length }
    if (script !== undefined) links.push({ ...at, host: null })
    else if (withScheme !== undefined) {
      const authority = AUTHORITY.exec(withScheme)?.[1] ?? ''
      if (authority.replace(WRONG_END, '') !== '') links.push({ ...at, host: hostOf(authority) })
    } else if (bare !== undefined) {
      const before = piece[match.index - 1]
      const behind = piece[match.index + whole.length]
      const name = BARE_HOST.exec(bare)?.[0] ?? ''
      if (isLink(name, bare.slice(name.length), before === '@' || behind === '@')) {
        links.push({ ...at, host: hostOf(name) })
      }
    }
  }
}

function prepare(text: string): string {
  let prepared = text
  if (NOT_ASCII.test(text) && (firstUnsettled(text) < text.length || text.includes('\u3002'))) {
    prepared = text.replace(INVISIBLE, '').replace(OTHER_DOTS, '.').normalize('NFKC')
  }
  if (MAY_BE_DEFANGED.test(prepared)) {
    prepared = prepared
      .replace(DEFANGED_DOT, '.')
      .replace(DEFANGED_COLON, (sign) => (sign.length > 3 ? '://' : ':'))
      .replace(DEFANGED_SCHEME, 'http')
  }
  return prepared
}

/** `inAddress`: an "@" stands next to the name, as in an e-mail address; then only a path makes it a link. */
function isLink(name: string, behind: string, inAddress: boolean): boolean {
  const rest = behind.replace(/^\./, '')
  if (inAddress && !rest.startsWith('/')) return false
  const labels = name.toLowerCase().split('.')
  const last = labels.at(-1) ?? ''
  const hasPort = PORT.test(rest)
  if (/^\d+$/.test(last)) return labels.length === 4 && (hasPort || rest.startsWith('/')) // IPv4
  if (!isTopLevelDomain(last)) return false
  return hasPort || /^[/?#\\]./.test(rest) || labels.length > 2 || !isFileExtension(last)
}

/**
 * The host as browsers see it (WHATWG URL), which resolves user names, escapes, and the odd forms of IPv4.
 * A backslash is a slash to browsers and a letter of the user name to others (RFC 3986): no answer then.
 */
function hostOf(authority: string): string | null {
  const backslash = authority.indexOf('\\')
  if (backslash !== -1 && authority.includes('@', backslash)) return null
  const written = (backslash === -1 ? authority : authority.slice(0, backslash)).replace(WRONG_END, '')
  if (PLAIN_HOST.test(written)) return written.toLowerCase()
  const host = URL.parse(`http://${written}`)?.hostname.replace(/\.+$/, '') ?? ''
  return host === '' ? null : host
}
