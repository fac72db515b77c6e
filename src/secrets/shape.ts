const CLASSES: Readonly<Record<string, string>> = {
  digit: '0-9',
  hex: '0-9a-f',
  xdigit: '0-9A-Fa-f',
  lower: '0-9a-z',
  upper: '0-9A-Z',
  caps: 'A-Z',
  alnum: '0-9A-Za-z',
  word: '0-9A-Za-z_',
  url: '0-9A-Za-z_-',
  b64: '0-9A-Za-z+/',
  dotted: '0-9A-Za-z_.-',
  tail: '0-9A-Za-z_.~+/=%-',
  b32: 'A-Z2-7',
  bech: '02-9AC-HJ-NP-Z',
}
const UUID = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}'
/** Longer than any token, short enough that a megabyte without an end costs little. */
const OPEN_MAX = 4096

/** A format read from its template. */
export interface Shape {
  /** The literal by which it is found, and how many characters lie before it. */
  readonly anchor: string
  readonly offset: number
  /** Matches the whole token, sticky. */
  readonly pattern: RegExp
  /** What must not stand before it, else the find is the middle of a longer word. */
  readonly boundary: RegExp
  /** A mark of its own carries the proof; without one the rest must look random. */
  readonly distinctive: boolean
}

interface Part {
  readonly literal?: string
  readonly class?: string
  readonly min: number
  readonly max: number
}

/**
 * Compiles a template. Fixed lengths stay exact, unless a mark of its own says what it is: then a longer last part
 * is taken whole, because tokens grow over the years and a letter glued to the end must not hide one.
 */
export function compileShape(template: string): Shape {
  const parts = partsOf(template)
  const { index, offset } = anchorOf(parts)
  const anchor = parts[index]?.literal ?? ''
  const distinctive = offset === 0 && anchor.length >= 4 && /[_.:$/~-]/.test(anchor)
  const source = parts.map((part, at) => sourceOf(part, distinctive && at === parts.length - 1)).join('')
  const first = parts[0]?.class ?? (parts[1]?.max === Infinity ? parts[1].class : undefined) ?? 'alnum'
  const last = parts.at(-1)?.class
  const open = distinctive || last === undefined || parts.at(-1)?.max === Infinity
  return {
    anchor,
    offset,
    pattern: new RegExp(source + (open ? '' : `(?![${CLASSES[last] ?? CLASSES['alnum']}])`), 'y'),
    boundary: new RegExp(`[${CLASSES[first]}]`),
    distinctive,
  }
}

/** The pattern of a template that must fit a whole value. */
export function compileValue(template: string): RegExp {
  return new RegExp(
    `^${partsOf(template)
      .map((part) => sourceOf(part, false))
      .join('')}$`,
  )
}

function partsOf(template: string): Part[] {
  const parts: Part[] = []
  for (const piece of template.split(/(\{[^}]*\})/)) {
    if (piece === '') continue
    const match = /^\{(\w+)(?::(\d+)(-)?(\d+)?)?\}$/.exec(piece)
    if (match === null) {
      parts.push({ literal: piece, min: piece.length, max: piece.length })
      continue
    }
    const [, name, low, dash, high] = match
    if (name === 'uuid') parts.push({ class: 'uuid', min: 36, max: 36 })
    else if (name === undefined || !Object.hasOwn(CLASSES, name) || low === undefined)
      throw new Error(`unknown part ${piece} in ${template}`)
    else
      parts.push({
        class: name,
        min: Number(low),
        max: dash === undefined ? Number(low) : high === undefined ? Infinity : Number(high),
      })
  }
  return parts
}

function sourceOf(part: Part, grows: boolean): string {
  if (part.literal !== undefined) return part.literal.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
  if (part.class === 'uuid') return UUID
  const max = part.max === Infinity || grows ? OPEN_MAX : part.max
  return `[${CLASSES[part.class ?? '']}]{${part.min}${max === part.min ? '' : `,${max}`}}`
}

/** The longest literal at a known distance from the start. */
function anchorOf(parts: readonly Part[]): { index: number; offset: number } {
  let best = { index: -1, offset: 0 }
  let offset = 0
  for (const [index, part] of parts.entries()) {
    const known = best.index === -1 ? 1 : (parts[best.index]?.literal?.length ?? 0)
    if (part.literal !== undefined && part.literal.length > known && (index === 0 || best.index !== 0))
      best = { index, offset }
    if (part.min !== part.max) break
    offset += part.min
  }
  return best
}
