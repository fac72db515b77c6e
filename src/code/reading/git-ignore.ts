/** One line of a `.gitignore`. */
export interface IgnoreRule {
  /** Folder of the file that it stands in, relative to the checked folder; '' for the root or above. */
  readonly base: string
  readonly segments: readonly string[]
  /** Matches below `base` only; else at any depth. */
  readonly anchored: boolean
  readonly folders: boolean
  readonly negated: boolean
}

const MAX_RULES = 5_000
const MAX_PATTERN = 500

/** The rules of a `.gitignore`, as gitignore(5) has them. */
export function readIgnoreRules(text: string, base: string): readonly IgnoreRule[] {
  return text
    .split(/\r?\n/)
    .slice(0, MAX_RULES)
    .flatMap((line) => {
      let pattern = line.replace(/(?<!\\)[ \t]+$/, '').replaceAll('\\ ', ' ')
      if (pattern === '' || pattern.startsWith('#') || pattern.length > MAX_PATTERN) return []
      const negated = pattern.startsWith('!')
      if (negated) pattern = pattern.slice(1)
      if (pattern.startsWith('\\')) pattern = pattern.slice(1)
      const folders = pattern.endsWith('/')
      const trimmed = pattern.replace(/^\//, '').replace(/\/$/, '')
      const segments = trimmed.split('/')
      return trimmed === ''
        ? []
        : [{ base, segments, anchored: pattern.startsWith('/') || segments.length > 1, folders, negated }]
    })
}

/** Whether the last rule that matches a path says that it is ignored. Folders above it are the caller's to ask about. */
export function isIgnored(rules: readonly IgnoreRule[], path: string, folder: boolean): boolean {
  for (let index = rules.length - 1; index >= 0; index -= 1) {
    const rule = rules[index]!
    if (rule.folders && !folder) continue
    const below =
      rule.base === '' ? path : path.startsWith(`${rule.base}/`) ? path.slice(rule.base.length + 1) : null
    if (below === null) continue
    const steps = below.split('/')
    if (rule.anchored ? matchSegments(rule.segments, steps) : matchSegment(rule.segments[0]!, steps.at(-1)!))
      return !rule.negated
  }
  return false
}

/** `**` stands for any number of folders. Goes back to the last one only, so the time is bounded by the product. */
function matchSegments(pattern: readonly string[], steps: readonly string[]): boolean {
  let [p, s, star, resume] = [0, 0, -1, 0]
  while (s < steps.length) {
    if (p < pattern.length && pattern[p] === '**') {
      star = p
      resume = s
      p += 1
      // `a/**` is what lies in a, not a itself.
      if (p === pattern.length) return true
    } else if (p < pattern.length && matchSegment(pattern[p]!, steps[s]!)) {
      p += 1
      s += 1
    } else if (star >= 0) {
      p = star + 1
      resume += 1
      s = resume
    } else return false
  }
  return p === pattern.length
}

/** `*`, `?` and `[a-z]` within one name. */
function matchSegment(pattern: string, name: string): boolean {
  let [p, n, star, resume] = [0, 0, -1, 0]
  while (n < name.length) {
    const next = p < pattern.length ? matchOne(pattern, p, name.charAt(n)) : 0
    if (pattern.charAt(p) === '*') {
      star = p
      resume = n
      p += 1
    } else if (next > 0) {
      p += next
      n += 1
    } else if (star >= 0) {
      p = star + 1
      resume += 1
      n = resume
    } else return false
  }
  while (pattern.charAt(p) === '*') p += 1
  return p >= pattern.length
}

/** How much of the pattern stands for this character; 0: it does not. */
function matchOne(pattern: string, at: number, character: string): number {
  const mark = pattern.charAt(at)
  if (mark === '?') return 1
  if (mark === '\\') return pattern.charAt(at + 1) === character ? 2 : 0
  if (mark !== '[') return mark === character ? 1 : 0
  const end = pattern.indexOf(']', at + 2)
  if (end === -1) return mark === character ? 1 : 0
  let set = pattern.slice(at + 1, end)
  const not = /^[!^]/.test(set)
  if (not) set = set.slice(1)
  let found = false
  for (let i = 0; i < set.length; i += 1) {
    if (set.charAt(i + 1) === '-' && i + 2 < set.length) {
      if (set.charAt(i) <= character && character <= set.charAt(i + 2)) found = true
      i += 2
    } else if (set.charAt(i) === character) found = true
  }
  return found === not ? 0 : end + 1 - at
}
