// Control, format (bidi, zero width, tags), private-use and surrogate characters, line and paragraph separators:
// everything by which a text could move the cursor, recolour the screen or read in another order.
const HOSTILE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu

/** Untrusted text as it may be printed on a terminal: on one line, every character visible as itself or as an escape. */
export function escapeText(text: string): string {
  return text.replace(HOSTILE, (character) => {
    if (character === '\n') return '\\n'
    if (character === '\t') return '\\t'
    if (character === '\r') return '\\r'
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  })
}

/** JSON for a terminal or a pipe: the same value, with hostile characters inside strings as `\uXXXX`. */
export function escapeJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, null, indent)
    .split('\n')
    .map((line) => line.replace(HOSTILE, codeUnits))
    .join('\n')
}

function codeUnits(character: string): string {
  let text = ''
  for (let i = 0; i < character.length; i++) {
    text += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`
  }
  return text
}
