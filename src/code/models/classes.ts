/** What an untrusted value can do harm as. A taint carries a set of them as bits; sanitisers clear bits. */
export const CLASS = {
  sql: 1 << 0,
  nosql: 1 << 1,
  ldap: 1 << 2,
  xpath: 1 << 3,
  template: 1 << 4,
  command: 1 << 5,
  code: 1 << 6,
  path: 1 << 7,
  xss: 1 << 8,
  redirect: 1 << 9,
  ssrf: 1 << 10,
  /** A key that may be `__proto__`. */
  protokey: 1 << 11,
  /** An object that may be a prototype when a caller passes one: in masks of parameters alone. */
  protobase: 1 << 12,
  deserialise: 1 << 13,
  /** Text that a regular expression may take very long on. */
  redos: 1 << 14,
  /** Text that becomes a regular expression. */
  pattern: 1 << 15,
  header: 1 << 16,
  log: 1 << 17,
  xml: 1 << 18,
  prompt: 1 << 19,
  /** An object whose fields are written to a record as they are. */
  mass: 1 << 20,
  zip: 1 << 21,
  upload: 1 << 22,
  /** A method or function chosen by name. */
  dispatch: 1 << 23,
  /** A size, count or length that is allocated. */
  resource: 1 << 24,
  /** A secret or personal value that must not leave: for rules on where it goes. */
  sensitive: 1 << 25,
  /** An object that a key of the attacker's choosing has led to; the label is the key's. */
  reached: 1 << 26,
  /** A value that is kept where everything counts as checked: a session. */
  trust: 1 << 27,
  /** Quotes: text without them cannot leave the quotes that it is put between. */
  quote: 1 << 28,
  /** A key that may be `constructor`: harmless once, and two of them lead to a prototype. */
  ctorkey: 1 << 29,
  /** A function that such a key has led to; the label is the key's. */
  ctorreached: 1 << 30,
} as const

export type ClassName = keyof typeof CLASS

export const ALL = 0x7fff_ffff

export function maskOf(names: readonly ClassName[]): number {
  return names.reduce((mask, name) => mask | CLASS[name], 0)
}

/** Classes that need text of the attacker's choosing: numbers, dates, digests and identifiers are none. */
export const TEXTUAL = ALL & ~CLASS.sensitive & ~CLASS.resource

const REACHED = CLASS.reached | CLASS.ctorreached

/** What a value coming in by a parameter may be: anything that its caller passes. */
export const PARAM = ALL & ~REACHED

/** What a value coming in from outside may be. */
export const OUTSIDE = ALL & ~REACHED & ~CLASS.protobase & ~CLASS.sensitive

/** What a schema has passed: its fields are known and texts are texts, which say what they like. */
export const PARSED = OUTSIDE & ~CLASS.nosql & ~CLASS.mass & ~CLASS.protokey

/**
 * What is left of a value's dangers after a function that lets `kept` of its parameter's through. A key becomes what
 * it reaches, and what was reached stays so.
 */
export function passed(given: number, kept: number): number {
  let mask = given & kept & ~REACHED
  if ((kept & CLASS.reached) !== 0 && (given & CLASS.protokey) !== 0) mask |= CLASS.reached
  if ((kept & CLASS.ctorreached) !== 0 && (given & CLASS.ctorkey) !== 0) mask |= CLASS.ctorreached
  if ((kept & CLASS.protobase) !== 0) mask |= given & REACHED
  return mask
}
