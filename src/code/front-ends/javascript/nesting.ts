const WORDS = new Set(['new', 'await', 'typeof', 'void', 'delete', 'yield', 'async'])

/** Beyond this, the parser could run out of native stack, which no exception tells of. */
const LIMIT = 1200
const ELEMENT_LIMIT = 10_000

/**
 * Whether a text may nest too deeply to be parsed. A quick scan that reads no grammar: it counts open brackets (in
 * strings too), elements, prefix operators, and `=`, `?`, `<` that follow each other within one part of an expression.
 */
export function nestsTooDeeply(text: string): boolean {
  let depth = 0
  let run = 0
  let elements = 0
  let elses = 0
  let before = 0
  let prefix = false
  let line = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code <= 32) {
      line ||= code === 10
      continue
    }
    // A line that ends with a name or a value and one that begins with a name: a statement without a semicolon ended.
    if (line && !prefix && endsValue(before) && beginsName(code)) run = 0
    line = false
    prefix = false
    switch (code) {
      case 40:
      case 91:
      case 123:
        if (++depth > LIMIT) return true
        break
      case 41:
      case 93:
      case 125:
        if (depth > 0) depth--
        run = 0
        break
      case 59:
      case 44:
        run = 0
        break
      case 62:
        if (before === 47 && elements > 0) elements--
        if (before !== 61) run = 0
        break
      case 60: {
        const next = text.charCodeAt(at + 1)
        if (next === 47) elements = Math.max(0, elements - 1)
        else if (next > 64 && ++elements > ELEMENT_LIMIT) return true
        if (++run > LIMIT) return true
        break
      }
      case 61:
        // `==`, `===`, `!==`, `<=` are one operator.
        if (before !== 61 && before !== 33 && before !== 60 && before !== 62 && ++run > LIMIT) return true
        break
      case 33:
      case 63:
      case 126:
        if (++run > LIMIT) return true
        break
      case 43:
      case 45:
        if (before === code || before === 40 || before === 61 || before === 33) {
          if (++run > LIMIT) return true
        }
        break
      default:
        if (code >= 97 && code <= 122 && !(before >= 97 && before <= 122)) {
          let end = at + 1
          while (end < at + 8 && text.charCodeAt(end) >= 97 && text.charCodeAt(end) <= 122) end++
          if (end - at >= 3 && end - at <= 6) {
            const word = text.slice(at, end)
            if (word === 'else') {
              if (++elses > 4 * LIMIT) return true
            } else if (WORDS.has(word)) {
              prefix = true
              if (++run > LIMIT) return true
            }
          }
          at = end - 1
          before = text.charCodeAt(at)
          continue
        }
    }
    before = code
  }
  return false
}

function beginsName(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code === 36
}

function endsValue(code: number): boolean {
  return beginsName(code) || (code >= 48 && code <= 57) || code === 34 || code === 39 || code === 96
}
