import type { StreamEvent } from './wire-format.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const SPACE = 0x20

/**
 * Most events of a stream differ from the one before in nothing but a few characters of text. Two events that were read
 * in full and are equal but for one string, which is the text of each, show where it stands: it is the one place on which
 * the text depends. The events that follow and are equal to them everywhere else need no parsing.
 */
export class TextTemplate {
  #event: string | null = null
  #before = ''
  #after = ''
  #text = ''
  #known = false

  /** The text of an event like those before; `null` where it must be read in full. Never empty. */
  textOf({ event, data }: StreamEvent): string | null {
    if (!this.#known || event !== this.#event) return null
    const end = data.length - this.#after.length
    if (end <= this.#before.length || !data.startsWith(this.#before) || !data.endsWith(this.#after))
      return null
    const text = data.slice(this.#before.length, end)
    return isPlain(text) ? text : null
  }

  /** An event that was read in full. `text`: what it adds to the text that it is part of, and all that it does. */
  learn({ event, data }: StreamEvent, text: string | null): void {
    const literal = text === null || text === '' || !isPlain(text) ? -1 : data.indexOf(`"${text}"`)
    if (text === null || literal === -1 || data.indexOf(`"${text}"`, literal + 1) !== -1) {
      this.forget()
      return
    }
    const before = data.slice(0, literal + 1)
    const after = data.slice(literal + 1 + text.length)
    this.#known =
      event === this.#event && before === this.#before && after === this.#after && text !== this.#text
    this.#event = event
    this.#before = before
    this.#after = after
    this.#text = text
  }

  /** What was read says more than a text, or changes what follows. */
  forget(): void {
    this.#known = false
    this.#before = ''
    this.#after = ''
    this.#text = ''
  }
}

/** JSON writes it as it is. */
function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE || code === BACKSLASH || code < SPACE) return false
  }
  return text.isWellFormed()
}
