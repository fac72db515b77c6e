import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** Milliseconds for one expression, and for all of a run together. */
const EACH = 1_000
const TOTAL = 8_000
/** So many are asked about at a time: the checker has threads of its own. */
const AT_ONCE = 16

interface Result {
  readonly status: 'safe' | 'vulnerable' | 'unknown'
}

interface Recheck {
  check(source: string, flags: string, options: object): Promise<Result>
  checkSync(source: string, flags: string, options: object): Result
}

const OPTIONS = { timeout: EACH, checker: 'auto', maxRepeatSize: 100 }

/** Which regular expressions take very long on some texts; asked only about those that untrusted text reaches. */
export class SlowPatterns {
  readonly #known = new Map<string, boolean>()
  #spent = 0

  /** Finds out about many, in a process beside this one. What could not be found out in time counts as not slow. */
  async ask(literals: Iterable<string>): Promise<void> {
    const left = [...new Set(literals)].filter((each) => !this.#known.has(each))
    const started = performance.now()
    const asker = async (): Promise<void> => {
      for (let literal = left.pop(); literal !== undefined; literal = left.pop()) {
        const { pattern, flags } = partsOf(literal)
        let slow = false
        if (mayBeSlow(pattern) && performance.now() - started <= TOTAL)
          slow = await (require('recheck') as Recheck).check(pattern, flags, OPTIONS).then(
            ({ status }) => status === 'vulnerable',
            () => false,
          )
        this.#known.set(literal, slow)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, asker))
  }

  /** `literal` as it is written: `/…/flags`. Waits for what was not asked about before. */
  isSlow(literal: string): boolean {
    let known = this.#known.get(literal)
    if (known === undefined) this.#known.set(literal, (known = this.#check(literal)))
    return known
  }

  #check(literal: string): boolean {
    const { pattern, flags } = partsOf(literal)
    if (!mayBeSlow(pattern) || this.#spent > TOTAL) return false
    const started = performance.now()
    try {
      return (require('recheck') as Recheck).checkSync(pattern, flags, OPTIONS).status === 'vulnerable'
    } catch {
      return false
    } finally {
      this.#spent += performance.now() - started
    }
  }
}

function partsOf(literal: string): { readonly pattern: string; readonly flags: string } {
  const end = literal.lastIndexOf('/')
  return { pattern: literal.slice(1, end), flags: literal.slice(end + 1) }
}

/** Only an expression with two unbounded repetitions, or one that is searched for everywhere, can be slow. */
function mayBeSlow(pattern: string): boolean {
  const repetitions = pattern.match(/[*+]|\{\d+,\}/g)?.length ?? 0
  return repetitions > 1 || (repetitions === 1 && !pattern.startsWith('^') && !/[*+]\??\)?$/.test(pattern))
}
