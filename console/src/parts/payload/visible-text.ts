/** A piece of a text: shown as it is, or a character that a reader could not see, by its code point, that stands there `times` times. */
export type TextPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'hidden'; readonly code: string; readonly name: string; readonly times: number }

/**
 * Unicode Cc, Cf, Zl, Zp, private use, lone surrogates, blank letters, variation selectors, and every space but the
 * ordinary one. What a person decides on must be what is there.
 */
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\u00a0\u115f\u1160\u1680\u2000-\u200a\u202f\u205f\u2800\u3000\u3164\uffa0]|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/gu

const NAMES: Readonly<Record<number, string>> = {
  0x09: 'tab',
  0x0a: 'line break',
  0x0d: 'carriage return',
  0x1b: 'escape',
  0xa0: 'space that does not break',
  0xad: 'soft hyphen',
  0x61c: 'Arabic letter mark',
  0x200b: 'zero-width space',
  0x200c: 'zero-width non-joiner',
  0x200d: 'zero-width joiner',
  0x200e: 'left-to-right mark',
  0x200f: 'right-to-left mark',
  0x202a: 'left-to-right embedding',
  0x202b: 'right-to-left embedding',
  0x202c: 'end of direction',
  0x202d: 'left-to-right override',
  0x202e: 'right-to-left override',
  0x2060: 'word joiner',
  0x2066: 'left-to-right isolate',
  0x2067: 'right-to-left isolate',
  0x2068: 'first strong isolate',
  0x2069: 'end of isolate',
  0xfeff: 'zero-width no-break space',
}

/** The text in parts, hidden characters apart. With `lines`, line breaks and tabs stay in the text. */
export function partsOf(text: string, lines = false): readonly TextPart[] {
  const parts: TextPart[] = []
  let from = 0
  for (const match of text.matchAll(HIDDEN)) {
    const [character] = match
    if (lines && (character === '\n' || character === '\t')) continue
    if (isEmojiStyle(character, text, match.index)) continue
    if (match.index > from) parts.push({ kind: 'text', text: text.slice(from, match.index) })
    const last = parts.at(-1)
    const same = last?.kind === 'hidden' && match.index === from && last.code === codeOf(character)
    if (same) parts.splice(-1, 1, { ...last, times: last.times + 1 })
    else parts.push(hidden(character))
    from = match.index + character.length
  }
  if (from < text.length) parts.push({ kind: 'text', text: text.slice(from) })
  return parts
}

/** In one string, hidden characters as `\u{202e}`: for places that hold text alone, such as titles and labels. */
export function visibleText(text: string): string {
  return partsOf(text)
    .map((part) => (part.kind === 'text' ? part.text : `\\u{${part.code.toLowerCase()}}`.repeat(part.times)))
    .join('')
}

/** At most `max` UTF-16 units, never half a character; `cut` says how many characters are not in it. */
export function bounded(text: string, max: number): { readonly text: string; readonly cut: number } {
  if (text.length <= max) return { text, cut: 0 }
  const end = /[\ud800-\udbff]/.test(text.charAt(max - 1)) ? max - 1 : max
  return { text: text.slice(0, end), cut: text.length - end }
}

function hidden(character: string): TextPart {
  const point = character.codePointAt(0)!
  const name = NAMES[point] ?? (point >= 0xe0000 && point <= 0xe007f ? 'tag character' : 'hidden character')
  return { kind: 'hidden', code: codeOf(character), name, times: 1 }
}

function codeOf(character: string): string {
  return character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
}

/** The one selector that asks for the colourful form of the emoji before it changes nothing that is said. */
function isEmojiStyle(character: string, text: string, at: number): boolean {
  if (character !== '\ufe0f') return false
  const before = text.slice(Math.max(0, at - 2), at)
  return /(?:^|[^\ud800-\udbff])\p{Extended_Pictographic}$/u.test(before)
}
