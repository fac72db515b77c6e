/** The value of a piece of a string literal: escapes decoded unless it is raw. */
export function unescapePython(text: string, raw: boolean): string {
  if (raw || !text.includes('\\')) return text
  return text.replace(
    /\\(?:(\r\n|\n)|([abfnrtv0\\'"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3}))/g,
    (whole, line?: string, letter?: string, x?: string, u?: string, long?: string, octal?: string) => {
      if (line !== undefined) return ''
      if (letter !== undefined) return LETTERS[letter] ?? whole
      const code = octal === undefined ? Number.parseInt(x ?? u ?? long ?? '', 16) : Number.parseInt(octal, 8)
      return code <= 0x10_ff_ff ? String.fromCodePoint(code) : whole
    },
  )
}

const LETTERS: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '0': '\0',
  '\\': '\\',
  "'": "'",
  '"': '"',
}

export function numberOf(text: string): number {
  const plain = text.replaceAll('_', '').toLowerCase()
  return /^0[xob]/.test(plain) ? Number(plain) : Number.parseFloat(plain)
}

/** A format in pieces: texts around what is put in, and which value goes where. */
export interface Format {
  readonly parts: readonly string[]
  /** For each gap the position of its argument or its name. */
  readonly gaps: readonly (number | string)[]
}

/** `'… %s … %(name)d'` of the operator `%`. */
export function percentFormat(format: string): Format {
  const parts: string[] = []
  const gaps: (number | string)[] = []
  let last = 0
  let text = ''
  let next = 0
  for (const match of format.matchAll(
    /%(?:\(([^()]{1,100})\))?[-#0 +]{0,5}[\d*]{0,6}(?:\.[\d*]{1,6})?[hlL]?([a-zA-Z%])/g,
  )) {
    text += format.slice(last, match.index)
    last = match.index + match[0].length
    if (match[2] === '%') {
      text += '%'
      continue
    }
    parts.push(text)
    text = ''
    gaps.push(match[1] ?? next++)
  }
  return { parts: [...parts, text + format.slice(last)], gaps }
}

/** `'… {} … {name!r:>10}'` of `str.format`. */
export function braceFormat(format: string): Format {
  const parts: string[] = []
  const gaps: (number | string)[] = []
  let last = 0
  let text = ''
  let next = 0
  for (const match of format.matchAll(/\{\{|\}\}|\{([^{}:!.[\]]{0,100})[^{}]{0,200}\}/g)) {
    text += format.slice(last, match.index)
    last = match.index + match[0].length
    const name = match[1]
    if (name === undefined) {
      text += match[0][0]
      continue
    }
    parts.push(text)
    text = ''
    gaps.push(name === '' ? next++ : /^\d+$/.test(name) ? Number(name) : name)
  }
  return { parts: [...parts, text + format.slice(last)], gaps }
}
