/** More results than this are not told apart. */
const MAX_RESULTS = 64
const SEQUENCE = /^(-?\d{1,9}|[A-Za-z])\.\.(-?\d{1,9}|[A-Za-z])(?:\.\.(-?\d{1,9}))?$/

/**
 * The raw words that bash makes of one raw word with braces, quoting left in place. `undefined` when there are too
 * many of them.
 */
export function expandBraces(raw: string): readonly string[] | undefined {
  const found: string[] = []
  const open = [{ done: '', rest: raw }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const brace = firstBrace(next.rest)
    if (brace === undefined) {
      found.push(next.done + next.rest)
    } else {
      const { start, end, items } = brace
      const head = next.done + next.rest.slice(0, start)
      const tail = next.rest.slice(end)
      // Items may hold braces themselves; what lies before them is done.
      for (const item of items.toReversed()) open.push({ done: head, rest: item + tail })
    }
    if (found.length + open.length > MAX_RESULTS) return undefined
  }
  return found
}

interface Brace {
  readonly start: number
  readonly end: number
  readonly items: readonly string[]
}

function firstBrace(text: string): Brace | undefined {
  for (let at = 0; at < text.length; at = afterUnit(text, at)) {
    if (text[at] !== '{') continue
    const brace = braceAt(text, at)
    if (brace !== undefined) return brace
  }
  return undefined
}

function braceAt(text: string, start: number): Brace | undefined {
  const items: string[] = []
  let depth = 0
  let from = start + 1
  for (let at = start; at < text.length; at = afterUnit(text, at)) {
    const character = text[at]
    if (character === '{') depth++
    else if (character === ',' && depth === 1) {
      items.push(text.slice(from, at))
      from = at + 1
    } else if (character === '}') {
      depth--
      if (depth > 0) continue
      const last = text.slice(from, at)
      if (items.length > 0) return { start, end: at + 1, items: [...items, last] }
      const sequence = sequenceOf(last)
      return sequence === undefined ? undefined : { start, end: at + 1, items: sequence }
    }
  }
  return undefined
}

function sequenceOf(text: string): readonly string[] | undefined {
  const match = SEQUENCE.exec(text)
  if (match === null) return undefined
  const [, first = '', last = '', step = '1'] = match
  const letters = /[A-Za-z]/.test(first)
  if (letters !== /[A-Za-z]/.test(last)) return undefined
  const from = letters ? first.charCodeAt(0) : Number(first)
  const to = letters ? last.charCodeAt(0) : Number(last)
  const by = Math.max(1, Math.abs(Number(step))) * (from <= to ? 1 : -1)
  const items: string[] = []
  for (let at = from; by > 0 ? at <= to : at >= to; at += by) {
    items.push(letters ? String.fromCharCode(at) : String(at))
    if (items.length > MAX_RESULTS) break
  }
  return items
}

/** The index after the character, the quoted text or the expansion that begins at `at`. */
function afterUnit(text: string, at: number): number {
  const character = text[at]
  if (character === '\\') return at + 2
  if (character === "'" || character === '"' || character === '`') return afterQuote(text, at, character)
  if (character === '$' && (text[at + 1] === '{' || text[at + 1] === '(')) return afterBracket(text, at + 1)
  return at + 1
}

function afterQuote(text: string, start: number, quote: string): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\' && quote !== "'") at++
    else if (text[at] === quote) return at + 1
  }
  return text.length
}

function afterBracket(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (character === '\\') at++
    else if (character === "'") at = afterQuote(text, at, "'") - 1
    else if (character === '{' || character === '(') depth++
    else if (character === '}' || character === ')') {
      depth--
      if (depth === 0) return at + 1
    }
  }
  return text.length
}
