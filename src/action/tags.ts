/** What an action is for, as the caller names it: `{ campaign: 'spring', customer: 'acme' }`. Not secret, never personal. */
export type Tags = Readonly<Record<string, string>>

export const MOST_TAGS = 8
export const TAG_NAME = /^[a-z0-9_-]{1,32}$/
/** Characters of a value. */
export const LONGEST_TAG = 100
/** No control characters: a value is shown in terminals and pages. */
export const TAG_VALUE = /^[^\p{Cc}\p{Cs}]{1,100}$/u
