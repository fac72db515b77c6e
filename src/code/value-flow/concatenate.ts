import type { Span } from '../flow-graph/expressions.ts'
import { CLASS } from '../models/classes.ts'
import type { Run } from './run.ts'
import {
  constantValue,
  joinTaints,
  mapTaints,
  MARKUP,
  PLAIN,
  type Taint,
  type Value,
  valueOf,
  WHOLE,
} from './value.ts'

const HOLE = '\uE000'

/** Values put together to one text. What stands before a value decides what it can still choose. */
export function concatenate(run: Run, parts: readonly Value[], site: Span): Value {
  let lead = ''
  let constant = true
  let prefix: string | null = ''
  let taints: readonly Taint[] = []
  const markup = parts.some((each) => typeof each.constant === 'string' && /[<>]/.test(each.constant))
  for (const part of parts) {
    const text = part.constant
    if (text !== undefined && part.taints.length === 0) {
      lead += String(text)
      if (prefix !== null) prefix += String(text)
      continue
    }
    constant = false
    if (prefix !== null) prefix += part.prefix
    const own = prefix
    prefix = null
    if (part.taints.length > 0) {
      // It is a text from here on, without operators or fields of its own.
      const mask = ~(excludedBehind(lead) | CLASS.nosql | CLASS.mass)
      const quoted = insideQuotes(lead) ? ~(CLASS.sql | CLASS.xpath) : -1
      const step = (taint: Taint): Taint['step'] =>
        run.analysis.step(run.module, site, 'is put into a text', taint.step)
      taints = joinTaints(
        taints,
        mapTaints(part, (each) => ({
          label: each.label,
          mask: each.mask & mask & ((each.mask & CLASS.quote) === 0 ? quoted : -1),
          flags: (each.flags & ~WHOLE) | (markup ? MARKUP : 0),
          step: step(each),
        })),
      )
    }
    lead += isOrigin(part) ? `https://${HOLE}/` : part.prefix + HOLE
    kept = own
  }
  if (constant) return parts.length === 0 ? PLAIN : (numeric(parts) ?? constantValue(lead.slice(0, 10_000)))
  return valueOf(taints, [], (prefix ?? kept ?? '').slice(0, 200))
}

let kept: string | null = null

function numeric(parts: readonly Value[]): Value | null {
  if (!parts.every((each) => typeof each.constant === 'number')) return null
  return constantValue(parts.reduce((sum, each) => sum + (each.constant as number), 0))
}

/** Whether a quote is open behind this text. */
function insideQuotes(lead: string): boolean {
  const single = lead.split("'").length - 1
  const double = lead.split('"').length - 1
  return single % 2 === 1 || (single === 0 && double % 2 === 1)
}

/** The site's own address, as frameworks give it. */
function isOrigin(value: Value): boolean {
  return value.refs.some((each) => each.kind === 'api' && /\.(?:origin|baseUrl)$/.test(each.chain))
}

/** Classes that a value cannot be of any more behind this text: a host that is fixed, a path that is local. */
function excludedBehind(lead: string): number {
  if (lead === '') return 0
  const bare = lead.replace(/^(?:[a-z][a-z+.-]*:)?\/\//i, '')
  let mask = 0
  const absolute = bare !== lead
  if (
    absolute
      ? /^[^/?#]+[/?#]/.test(bare)
      : /^[^/?#]+\/./.test(lead) || /^[^/?#]*\uE000[^\uE000]*[/?#]/.test(lead)
  )
    mask |= CLASS.ssrf | CLASS.redirect
  else if (/^\/[^/\\\uE000]/.test(lead) || /^[?#]/.test(lead)) mask |= CLASS.redirect | CLASS.ssrf
  if (/[?&][\w.-]*=$/.test(lead) || lead.endsWith('#')) mask |= CLASS.redirect | CLASS.ssrf | CLASS.path
  return mask
}
