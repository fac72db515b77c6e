import type { Rubric } from '../../policy/rubric.ts'

/** What a judge said. */
export interface Verdict {
  /** 0 … 100, whole: what is between two is the lower. */
  readonly score: number
  /** One of the rubric's. */
  readonly label: string
  /** May quote what was scored: it is kept where it can be erased. */
  readonly explanation: string
}

/** Characters of an answer. */
const MAX_ANSWER = 8_000
/** Characters of an explanation that are kept. */
const MAX_EXPLANATION = 600
const MEMBERS = ['token', 'score', 'label', 'explanation'] as const
const FENCED = /^```(?:json)?\s*\n([\s\S]*)\n```$/
// C0, C1, zero-width, bidirectional and tag characters: they say nothing to a person, and may hide something.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]+/gu

/**
 * Reads a judge's answer strictly: one JSON object of exactly four members, each once, with the token of this question.
 * Whatever else it is, a refusal, a quote of the content, an answer to somebody else's question, is nonsense: the
 * sentence says why.
 */
export function readAnswer(
  text: string,
  token: string,
  { labels }: Pick<Rubric, 'labels'>,
): Verdict | { readonly nonsense: string } {
  if (text.length > MAX_ANSWER) return { nonsense: 'the answer is too long' }
  const trimmed = text.trim()
  const body = FENCED.exec(trimmed)?.[1] ?? trimmed
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return { nonsense: 'the answer is no JSON' }
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return { nonsense: 'the answer is no object' }
  const answer = parsed as Record<string, unknown>
  const keys = Object.keys(answer)
  if (keys.length !== MEMBERS.length || !MEMBERS.every((member) => Object.hasOwn(answer, member)))
    return { nonsense: 'the answer has other members than it should' }
  // The parser takes the last of two members of one name; every value is flat, so colons outside of texts count them.
  if (colonsOutsideTexts(body) !== MEMBERS.length) return { nonsense: 'the answer has a member twice' }
  if (answer['token'] !== token) return { nonsense: 'the answer is not to this question' }
  const { score, label, explanation } = answer
  if (typeof score !== 'number' || !(score >= 0 && score <= 100))
    return { nonsense: 'the score is no number from 0 to 100' }
  if (typeof label !== 'string' || !labels.includes(label))
    return { nonsense: 'the label is none of the rubric’s' }
  if (typeof explanation !== 'string' || explanation.trim() === '')
    return { nonsense: 'the explanation is missing' }
  return { score: Math.floor(score), label, explanation: shown(explanation) }
}

/** An explanation as people see it: bounded, on one line, without what cannot be seen. */
function shown(explanation: string): string {
  const plain = explanation.toWellFormed().replace(UNSEEN, ' ').trim()
  return plain.length > MAX_EXPLANATION ? `${plain.slice(0, MAX_EXPLANATION - 1).toWellFormed()}…` : plain
}

function colonsOutsideTexts(json: string): number {
  let colons = 0
  let inText = false
  for (let at = 0; at < json.length; at++) {
    const character = json[at]
    if (inText && character === '\\') at++
    else if (character === '"') inText = !inText
    else if (!inText && character === ':') colons++
  }
  return colons
}
