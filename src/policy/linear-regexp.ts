import { RE2JS } from 're2js'

/** Characters of one pattern. */
const MAX_PATTERN_LENGTH = 1000

export interface LinearRegExp {
  test(text: string): boolean
}

const compiled = new Map<string, LinearRegExp>()
const MAX_COMPILED = 1000

/**
 * A regular expression that runs in time linear to the text (RE2 syntax: no look-around, no back-references).
 * `test` searches anywhere in the text. Throws a plain sentence for a pattern that cannot be compiled.
 */
export function linearRegExp(pattern: string): LinearRegExp {
  const known = compiled.get(pattern)
  if (known !== undefined) return known
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw new Error(`a pattern may have ${MAX_PATTERN_LENGTH} characters, not ${pattern.length}`)
  const expression = compile(pattern)
  const linear = {
    test: (text: string) => expression.matcher(text).find(),
    // Ajv tells patterns apart by their text: without it every pattern would be the first one.
    toString: () => pattern,
  }
  if (compiled.size >= MAX_COMPILED) compiled.clear()
  compiled.set(pattern, linear)
  return linear
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern))
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    throw new Error(`${cause} (RE2 syntax: no look-around, no back-references)`, { cause: error })
  }
}
