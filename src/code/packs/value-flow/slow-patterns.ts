import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** Milliseconds for one expression, and for all of a run together. */
const EACH = 250
const TOTAL = 4000

interface Recheck {
  checkSync(
    source: string,
    flags: string,
    options: object,
  ): { status: 'safe' | 'vulnerable' | 'unknown'; complexity?: { type: string; degree?: number } }
}

/** Which regular expressions take very long on some texts; asked only about those that untrusted text reaches. */
export class SlowPatterns {
  readonly #known = new Map<string, boolean>()
  #spent = 0

  /** `literal` as it is written: `/…/flags`. */
  isSlow(literal: string): boolean {
    let known = this.#known.get(literal)
    if (known === undefined) this.#known.set(literal, (known = this.#check(literal)))
    return known
  }

  #check(literal: string): boolean {
    const end = literal.lastIndexOf('/')
    const pattern = literal.slice(1, end)
    if (!mayBeSlow(pattern) || this.#spent > TOTAL) return false
    const started = performance.now()
    try {
      const recheck = require('recheck') as Recheck
      const result = recheck.checkSync(pattern, literal.slice(end + 1), {
        timeout: EACH,
        checker: 'auto',
        maxRepeatSize: 100,
      })
      return result.status === 'vulnerable'
    } catch {
      return false
    } finally {
      this.#spent += performance.now() - started
    }
  }
}

/** Only an expression with two unbounded repetitions, or one that is searched for everywhere, can be slow. */
function mayBeSlow(pattern: string): boolean {
  const repetitions = pattern.match(/[*+]|\{\d+,\}/g)?.length ?? 0
  return repetitions > 1 || (repetitions === 1 && !pattern.startsWith('^') && !/[*+]\??\)?$/.test(pattern))
}
