import { parse } from 'tldts-icann'
import type { JsonObject, JsonValue } from '../../../action/json.ts'
import type { Check } from '../../../policy/check.ts'
import { checkTexts, compileField, FIELD_OPTION } from '../fields.ts'
import type { FieldTexts } from '../fields.ts'
import { loadTopLevelDomains } from './url/top-level-domains.ts'
import { linksIn } from './url/links-in.ts'
import type { Link } from './url/links-in.ts'

const REMOVED = '[link removed]'

/**
 * Refuses links that are not on the allow-list and stand in none of the fields that links may come from: an
 * invented address is worse than none.
 */
export const links: Check = {
  name: 'links',
  options: {
    type: 'object',
    properties: {
      field: FIELD_OPTION,
      allow: {
        type: 'array',
        items: { type: 'string', minLength: 1 },
        description: 'Domains that may be linked to, their subdomains included. Default: none.',
      },
      known_from: {
        ...FIELD_OPTION,
        description:
          'Fields of the input, such as the message that is answered, whose links may be repeated.',
      },
    },
    additionalProperties: false,
  },
  prepare({ field, allow, known_from: knownFrom }) {
    loadTopLevelDomains()
    const allowed = new Set(Array.isArray(allow) ? allow.map(allowedHost) : [])
    const known = knownFrom === undefined ? null : compileField(knownFrom)
    const code = known === null ? 'links:not_allowed' : 'links:invented'
    return checkTexts(field, ({ text, path }, input) => {
      const { links: found, prepared } = linksIn(text)
      const strange = found.filter(({ host }) => host === null || !isAllowed(host, allowed))
      if (strange.length === 0) return undefined
      const repeated = known === null ? NONE : addressesIn(known(input))
      const refused = strange.filter((link) => link.host === null || !repeated.has(addressOf(link)))
      if (refused.length === 0) return undefined
      return {
        code,
        message:
          known === null
            ? 'The text links to a domain that is not on the allow-list.'
            : 'The text holds a link that is neither on the allow-list nor in what it may be taken from.',
        evidence: { path: [...path], links: refused.slice(0, 10).map(asEvidence) },
        // Of a disguised link the place in the original is not known.
        ...(prepared === text ? { edits: [{ path, value: without(text, refused) }] } : {}),
      }
    })
  },
}

const NONE: ReadonlySet<string> = new Set()

/** An entry of the allow-list as a host. Throws for what is none, and for whole suffixes such as `co.uk`. */
function allowedHost(entry: JsonValue): string {
  const name = typeof entry === 'string' ? entry.trim().replace(/^\*\./, '') : ''
  const address = `http://${name}`
  const url = URL.canParse(address) ? new URL(address) : null
  if (url === null || url.pathname !== '/' || /[/?#@:\\\s]/.test(name)) {
    throw new Error(`links: "${name}" in allow is not a domain such as example.com`)
  }
  const host = url.hostname.replace(/\.$/, '')
  const { domain, isIp } = parse(host)
  if (domain === null && isIp !== true && host !== 'localhost') {
    throw new Error(`links: "${name}" in allow is a public suffix, under which anybody can have a site`)
  }
  return host
}

/** The host itself, or any domain it is in. */
function isAllowed(host: string, allowed: ReadonlySet<string>): boolean {
  if (allowed.has(host)) return true
  if (allowed.size === 0) return false
  for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
    if (allowed.has(host.slice(dot + 1))) return true
  }
  return false
}

function addressesIn({ texts }: FieldTexts): ReadonlySet<string> {
  return new Set(texts.flatMap(({ text }) => linksIn(text).links.map(addressOf)))
}

/** Host and everything after it; scheme, user name and a final slash aside. */
function addressOf({ host, text }: Link): string {
  const address = /^[a-z][a-z0-9+.-]*:[\\/]/i.test(text) ? text : `http://${text}`
  if (!URL.canParse(address)) return `${host}\n${text}`
  const { port, pathname, search, hash } = new URL(address)
  return `${host}:${port}${pathname.replace(/\/$/, '')}${search}${hash}`
}

function asEvidence({ host, text }: Link): JsonObject {
  return { host, text: text.slice(0, 200) }
}

function without(text: string, refused: readonly Link[]): string {
  let left = ''
  let from = 0
  for (const { start, end } of refused) {
    left += text.slice(from, start) + REMOVED
    from = end
  }
  return left + text.slice(from)
}
