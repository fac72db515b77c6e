/** Nested arrays of text, numbers and nulls, in a form that goes to another thread cheaply. */
export interface Packed {
  /** All texts, one after the other. */
  readonly text: string
  readonly codes: Float64Array<ArrayBuffer>
}

export type Packable = string | number | null | readonly Packable[]

// A text is its length; the rest is below zero.
const NULL = -1
const NUMBER = -2
const ARRAY = -3

/**
 * One text and one row of numbers: a structured clone walks every value for itself, which costs more than writing it
 * to the database.
 */
export function pack(value: Packable): Packed {
  const codes: number[] = []
  const parts: string[] = []
  const add = (one: Packable): void => {
    if (typeof one === 'string') {
      codes.push(one.length)
      parts.push(one)
    } else if (one === null) codes.push(NULL)
    else if (typeof one === 'number') codes.push(NUMBER, one)
    else {
      codes.push(ARRAY - one.length)
      for (const member of one) add(member)
    }
  }
  add(value)
  return { text: parts.join(''), codes: Float64Array.from(codes) }
}

/** What was packed. */
export function unpack({ text, codes }: Packed): Packable {
  let place = 0
  let offset = 0
  const read = (): Packable => {
    const code = codes[place++] as number
    if (code >= 0) {
      offset += code
      return text.slice(offset - code, offset)
    }
    if (code === NULL) return null
    if (code === NUMBER) return codes[place++] as number
    const members: Packable[] = []
    for (let left = ARRAY - code; left > 0; left--) members.push(read())
    return members
  }
  return read()
}
