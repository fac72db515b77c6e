import { normaliseForMatching } from '../../../../action/normalise.ts'
import { readingsOf } from '../matching/disguises.ts'
import { findHidden, tagsOf, type HiddenText } from './hidden-text.ts'
import { BEHAVIOUR_PATTERNS } from './behaviour-words.ts'
import { INSTRUCTION_PATTERNS, UNSPACED_PATTERNS } from './instruction-words.ts'
import { compileWordPatterns } from './word-patterns.ts'

export interface InjectionMark {
  /** What kind of mark: `hidden_text`, `bidi_override`, `override_instructions`, `fake_role` … */
  readonly mark: string
  /** A piece of the text about the mark; may be hostile. */
  readonly excerpt: string
  /** Where it stands, when taking it out leaves the rest as it was. */
  readonly removable?: { readonly start: number; readonly end: number }
}

const PATTERNS = compileWordPatterns([...INSTRUCTION_PATTERNS, ...BEHAVIOUR_PATTERNS])
const WORDS = /[\p{L}\p{N}\p{M}]+/gu
const EXCERPT = 200
/** Base64 runs that are worth decoding; one level and so much of it, since nothing that matters needs more. */
const ENCODED = /[A-Za-z0-9+/]{32,}={0,2}/g
const MAX_DECODED = 65_536

/** Tags and marks of chat templates and of tool results, which have no place in content (OWASP LLM01). */
const FAKE_ROLE: readonly RegExp[] = [
  /<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|begin_of_text|endofprompt|channel|message)\|>/i,
  /\[\/?INST\]|<<\/?SYS>>|<start_of_turn>|<end_of_turn>/,
  /<\/?(?:system|system[-_ ]?(?:prompt|message|reminder|instructions?)|assistant|tool_result|function_results?|function_calls)(?:\s[^<>]{0,100})?>/i,
  /\[(?:system|assistant)\]\s{0,3}\(#(?:instructions|system|assistant|context)\)/i,
  /(?:^|\n)[ \t]{0,8}#{1,6}[ \t]{0,4}(?:system|new instructions?|system prompt|system override|instructions? override)[ \t]{0,4}:?[ \t]{0,4}(?:\n|$)/i,
  /(?:^|\n)[ \t]{0,8}(?:\[|\*\*|<)?(?:system (?:prompt|message|override|instruction|notice|alert)|new system (?:prompt|instructions?)|admin override|developer message)(?:\]|\*\*|>)?[ \t]{0,4}:/i,
  /(?:^|\n)\s{0,8}human:[^\n]{0,400}\n\s{0,8}assistant:/i,
]

/** Tags that poisoned tool descriptions put their instructions in. */
const POISON: readonly RegExp[] = [
  /<(?:important|critical|urgent|mandatory|secret|hidden|instructions?|sidenote|priority|override|admin|confidential)>/i,
  /\b(?:read|open|cat|send|include|load|upload|print|copy)\b[^\n]{0,60}(?:~|\/home\/\w{1,40}|\$HOME)\/\.(?:ssh\/id_|cursor\/mcp|aws\/credentials|config\/claude|netrc|npmrc|kube\/config)/i,
]

/** An address with room for data, or with much of it: rendering the image sends them. */
const CARRIES_DATA = [
  /^<?https?:\/\/[^\s)"'>]{1,500}?[?&/#=](?:\{|\[|<|%7[bB]|%5[bB]|\$\{|%s|DATA\b|SECRET\b|YOUR_|BASE64|INSERT)/,
  /^<?https?:\/\/[^\s)"'>?]{1,300}\?[^\s)"'>=]{1,60}=[A-Za-z0-9+/_%-]{80}/,
]
const MAX_ADDRESS = 600
const MAX_LABEL = 300

/** Addresses of images, in Markdown and in HTML. */
function* imageAddresses(text: string): Generator<{ readonly at: number; readonly address: string }> {
  for (let at = text.indexOf('](http'); at !== -1; at = text.indexOf('](http', at + 6)) {
    const before = text.slice(Math.max(0, at - MAX_LABEL), at)
    if (before[before.lastIndexOf('[') - 1] === '!')
      yield { at, address: text.slice(at + 2, at + 2 + MAX_ADDRESS) }
  }
  for (const { tag, start } of tagsOf(text)) {
    if (!/^<img\s/i.test(tag)) continue
    const source = /src\s?=\s?["']?(?=http)/i.exec(tag)
    if (source !== null) yield { at: start, address: tag.slice(source.index + source[0].length) }
  }
}

/**
 * Marks of instructions that somebody has put into content so that a model takes them for its own: characters that
 * nobody sees, instructions in comments, phrases that set other instructions aside, tags of chat templates, requests
 * to keep something from the user, addresses that carry data away. Linear in the length of the text.
 *
 * It sees marks and not intentions: an instruction without them passes, and a text about such attacks has them.
 */
export function findInjection(text: string): readonly InjectionMark[] {
  if (text.length < 2) return []
  const unseen = findHidden(text)
  const marks = spoken(visible(text, unseen))
  for (const hidden of unseen) marks.push(...judgedHidden(hidden))
  for (const [mark, patterns] of SIGNS)
    for (const pattern of patterns) {
      const match = pattern.exec(text)
      if (match === null) continue
      marks.push({ mark, excerpt: about(text, match.index) })
      break
    }
  if (text.includes('http'))
    for (const { at, address } of imageAddresses(text)) {
      if (!CARRIES_DATA.some((pattern) => pattern.test(address))) continue
      marks.push({ mark: 'exfiltration', excerpt: about(text, at) })
      break
    }
  for (const decoded of encodedTexts(text))
    for (const { mark } of spoken(decoded))
      marks.push({ mark: `encoded_${mark}`, excerpt: decoded.slice(0, EXCERPT) })
  return distinct(marks)
}

/** What is left when everything unseen is taken out. */
function visible(text: string, unseen: readonly HiddenText[]): string {
  if (unseen.length === 0) return text
  const pieces: string[] = []
  let from = 0
  for (const { start, end } of unseen.toSorted((a, b) => a.start - b.start)) {
    if (start > from) pieces.push(text.slice(from, start))
    from = Math.max(from, end)
  }
  pieces.push(text.slice(from))
  return pieces.join('')
}

const SIGNS: readonly (readonly [string, readonly RegExp[]])[] = [
  ['fake_role', FAKE_ROLE],
  ['tool_poisoning', POISON],
]

/** Phrases, in whatever dress. */
function spoken(text: string): InjectionMark[] {
  const normal = normaliseForMatching(text)
  const found: InjectionMark[] = []
  const look = (reading: string): void => {
    const words = reading.match(WORDS) ?? []
    for (const { mark, at } of PATTERNS.find(words))
      found.push({
        mark,
        excerpt: words
          .slice(Math.max(0, at - 2), at + 20)
          .join(' ')
          .slice(0, EXCERPT),
      })
  }
  look(normal)
  if (found.length === 0) {
    const { others, spelledOut } = readingsOf(normal)
    for (const reading of others) look(reading)
    const run = spelledOut.find((letters) => RUN_TOGETHER.test(letters))
    if (run !== undefined) found.push({ mark: 'override_instructions', excerpt: run.slice(0, EXCERPT) })
  }
  for (const { mark, pattern } of UNSPACED_PATTERNS) {
    const match = pattern.exec(text) ?? pattern.exec(normal)
    if (match !== null) found.push({ mark, excerpt: match[0].slice(0, EXCERPT) })
  }
  return found
}

/** Spelled-out words as one: "i g n o r e a l l p r e v i o u s …". */
const RUN_TOGETHER =
  /(?:ignore|disregard|forget|override|bypass)(?:all|any|your|the|these|my|of)*(?:previous|prior|above|earlier|system)(?:instruction|prompt|rule|guideline|command|message)/

/** What is hidden is suspicious when it says something to a model, or cannot be there for any other reason. */
function judgedHidden({ kind, text, start, end }: HiddenText): InjectionMark[] {
  const removable = { start, end }
  if (kind !== 'comment' && kind !== 'unseen')
    return [{ mark: kind, excerpt: text.slice(0, EXCERPT), removable }]
  const says = spoken(text).length > 0 || ADDRESSED.test(normaliseForMatching(text))
  return says ? [{ mark: 'hidden_instructions', excerpt: text.slice(0, EXCERPT), removable }] : []
}

/** Whether a comment speaks to a model rather than to whoever maintains the page. */
const ADDRESSED =
  /\b(?:ai|assistant|llm|language model|chatbot|agent|claude|chatgpt|gpt|copilot|gemini)\b[^.]{0,80}\b(?:must|should|please|ignore|do not|don't|send|visit|recommend|say|respond|reply|always|instead|call|execute|run|include)\b|\b(?:you are an? (?:ai|assistant)|as an ai|when summari[sz]ing|if you are an? (?:ai|llm|assistant|language model))\b/

function* encodedTexts(text: string): Generator<string> {
  let budget = MAX_DECODED
  for (const [run] of text.matchAll(ENCODED)) {
    if (budget <= 0) return
    const piece = run.slice(0, budget)
    budget -= piece.length
    const decoded = Buffer.from(piece, 'base64').toString('utf8')
    if (!decoded.includes('\ufffd') && /[a-z]{3}/i.test(decoded)) yield decoded
  }
}

function about(text: string, at: number): string {
  return text.slice(Math.max(0, at - 20), at + EXCERPT - 20)
}

function distinct(marks: readonly InjectionMark[]): readonly InjectionMark[] {
  const seen = new Set<string>()
  return marks.filter(({ mark, removable }) => {
    if (removable !== undefined) return true
    if (seen.has(mark)) return false
    seen.add(mark)
    return true
  })
}
