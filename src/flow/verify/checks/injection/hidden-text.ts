export interface HiddenText {
  /** `comment` and `unseen` (markup that is not shown) are harmless unless they say something to a model. */
  readonly kind: 'hidden_characters' | 'bidi_override' | 'comment' | 'unseen'
  /** What is hidden, decoded where it is encoded. */
  readonly text: string
  readonly start: number
  readonly end: number
}

/** Units that start or are a character without a picture; most texts have none of them. */
// oxlint-disable no-misleading-character-class -- each character is meant by itself
const MAY_HIDE =
  /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/u
const RUN =
  /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]+/gu
const TAG = /[\u{e0000}-\u{e007f}]/u
const OVERRIDE = /[\u202d\u202e]/u
/** Between letters of scripts that need no joiners, an unseen character has no work to do. */
const LATIN_BEFORE = /[A-Za-z]$/
const LATIN_AFTER = /^[A-Za-z]/
const FLAG = '\u{1f3f4}'
/** So many unseen characters in a row are a message and not an accident of a word processor. */
const LONG_RUN = 8
/** So many words of Latin letters with something unseen inside are no accident either. */
const BROKEN_WORDS = 3
const SOFT_HYPHEN = '\u00ad'

/** Ways to write a comment in Markdown. */
const MARKDOWN_COMMENT = /\[(?:\/\/|comment)\]: (?:# |<> )\(([^)\n]{1,1000})\)?/g
const UNSEEN_STYLE =
  /display\s?:\s?none|visibility\s?:\s?hidden|font-size\s?:\s?0(?![.\d])|opacity\s?:\s?0(?![.\d])|color\s?[:=]\s?["']?(?:white|#fff(?:fff)?)\b/i
const MAX_TAG = 600
const MAX_UNSEEN = 5_000

/** What a reader of the text does not see and a model does. Linear in the length of the text. */
export function findHidden(text: string): readonly HiddenText[] {
  const found = MAY_HIDE.test(text) ? unseenCharacters(text) : []
  for (let start = text.indexOf('<!--'); start !== -1;) {
    const close = text.indexOf('-->', start + 4)
    // A comment that is not closed hides all the rest.
    const end = close === -1 ? text.length : close + 3
    found.push({ kind: 'comment', text: text.slice(start + 4, close === -1 ? end : close), start, end })
    start = text.indexOf('<!--', end)
  }
  if (text.includes(']: '))
    for (const match of text.matchAll(MARKDOWN_COMMENT))
      found.push({ kind: 'comment', text: match[1]!, start: match.index, end: match.index + match[0].length })
  if (text.includes('style') || text.includes('color'))
    for (const { tag, start } of tagsOf(text)) {
      if (!UNSEEN_STYLE.test(tag)) continue
      const from = start + tag.length
      const next = text.indexOf('<', from)
      const end = Math.min(next === -1 ? text.length : next, from + MAX_UNSEEN)
      found.push({ kind: 'unseen', text: text.slice(from, end), start: from, end })
    }
  return found
}

/** Tags of HTML, from `<` to `>`; longer ones than a few lines are none. */
export function* tagsOf(text: string): Generator<{ readonly tag: string; readonly start: number }> {
  for (let start = text.indexOf('<'); start !== -1;) {
    const end = text.indexOf('>', start)
    if (end === -1) return
    if (end - start <= MAX_TAG) yield { tag: text.slice(start, end + 1), start }
    start = text.indexOf('<', end - start <= MAX_TAG ? end : start + 1)
  }
}

function unseenCharacters(text: string): HiddenText[] {
  const found: HiddenText[] = []
  const broken: HiddenText[] = []
  for (const match of text.matchAll(RUN)) {
    const [run] = match
    const start = match.index
    const end = start + run.length
    if (TAG.test(run)) {
      // Flags of regions are a black flag and tags (UTS #51, ED-14a).
      if (isFlag(text, start, run)) continue
      found.push({ kind: 'hidden_characters', text: decodedTags(run), start, end })
    } else if (OVERRIDE.test(run)) found.push({ kind: 'bidi_override', text: escaped(run), start, end })
    else if (Array.from(run).length >= LONG_RUN)
      found.push({ kind: 'hidden_characters', text: escaped(run), start, end })
    else if (
      run !== SOFT_HYPHEN &&
      LATIN_BEFORE.test(text.slice(start - 1, start)) &&
      LATIN_AFTER.test(text.slice(end, end + 1))
    )
      broken.push({ kind: 'hidden_characters', text: escaped(run), start, end })
  }
  return broken.length >= BROKEN_WORDS ? found.concat(broken) : found
}

function isFlag(text: string, start: number, run: string): boolean {
  return text.slice(start - 2, start) === FLAG && Array.from(run).length <= 8 && run.endsWith('\u{e007f}')
}

/** Tag characters spell ASCII, U+E0000 higher. */
function decodedTags(run: string): string {
  return Array.from(run)
    .map((character) => {
      const ascii = character.codePointAt(0)! - 0xe0000
      return ascii >= 0x20 && ascii < 0x7f ? String.fromCharCode(ascii) : ''
    })
    .join('')
}

function escaped(run: string): string {
  return Array.from(run)
    .map((character) => `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`)
    .join(' ')
}
