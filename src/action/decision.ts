/** What may become of an action, from the mildest to the strictest. */
export const DECISIONS = ['allow', 'transform', 'require_approval', 'deny'] as const

export type Decision = (typeof DECISIONS)[number]

const RANK: Readonly<Record<Decision, number>> = { allow: 0, transform: 1, require_approval: 2, deny: 3 }

const ALIASES: Readonly<Record<string, Decision>> = {
  ask: 'require_approval',
  escalate: 'require_approval',
  'requires-approval': 'require_approval',
  hold: 'require_approval',
  block: 'deny',
  refuse: 'deny',
}

/** The strictest of the given decisions, whatever their source; `allow` where there is none. */
export function strictest(decisions: Iterable<Decision>): Decision {
  let worst: Decision = 'allow'
  for (const decision of decisions) if (RANK[decision] > RANK[worst]) worst = decision
  return worst
}

/** Reads a decision or one of its accepted aliases; `undefined` for anything else. */
export function parseDecision(word: unknown): Decision | undefined {
  if (typeof word !== 'string') return undefined
  if (Object.hasOwn(RANK, word)) return word as Decision
  return Object.hasOwn(ALIASES, word) ? ALIASES[word] : undefined
}
