import { createRequire } from 'node:module'
import { extname } from 'node:path'

const require = createRequire(import.meta.url)

/** Milliseconds for one expression; most take ten. Only a machine that has stopped answering meets this. */
const EACH = 30_000
/** Milliseconds for all of a run together. */
const TOTAL = 60_000

interface Recheck {
  check(source: string, flags: string, options: object): Promise<Checked>
  checkSync(source: string, flags: string, options: object): Checked
}

interface Checked {
  readonly status: 'safe' | 'vulnerable' | 'unknown'
}

/**
 * What may be spent on one expression is counted in characters that its matching reads, never in time: the answer is
 * the same on a slow machine. 333 characters read for each one of a text are more than any linear expression needs.
 */
const OPTIONS = {
  timeout: EACH,
  checker: 'auto',
  attackLimit: 1_000_000,
  attackTimeout: null,
  maxAttackStringSize: 3_000,
  incubationLimit: 10_000,
  incubationTimeout: null,
  seedingTimeout: null,
  maxIteration: 5,
}

/** What the thread says of one expression; null: that it has been through all. */
export type Answer = readonly [literal: string, slow: boolean] | null

const TOLD_LIMIT = 10_000
/** What the thread has said in this process: a folder that is watched is asked about again and again. */
const told = new Map<string, boolean>()

/** Which regular expressions take very long on some texts; asked only about those that untrusted text reaches. */
export class SlowPatterns {
  readonly #known = new Map<string, boolean>()
  #spent = 0

  /** Finds out about many in a thread of their own. What could not be found out in time counts as not slow. */
  async ask(literals: Iterable<string>): Promise<void> {
    const wanted: string[] = []
    for (const each of new Set(literals))
      if (!mayBeSlow(partsOf(each).pattern)) this.#known.set(each, false)
      else if (told.has(each)) this.#known.set(each, told.get(each) === true)
      else wanted.push(each)
    if (wanted.length === 0) return
    const { Worker } = await import('node:worker_threads')
    const thread = new Worker(new URL(`./pattern-thread${extname(import.meta.url)}`, import.meta.url), {
      workerData: wanted,
    })
    const done = Promise.withResolvers<void>()
    const timer = setTimeout(done.resolve, TOTAL)
    thread.on('message', (answer: Answer) => {
      if (answer === null) done.resolve()
      else {
        this.#known.set(...answer)
        if (told.size < TOLD_LIMIT) told.set(...answer)
      }
    })
    thread.on('error', () => done.resolve())
    await done.promise
    clearTimeout(timer)
    await thread.terminate()
    for (const each of wanted) if (!this.#known.has(each)) this.#known.set(each, false)
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

/** Whether an expression takes very long on some text; asked of a process beside this one. */
export async function checkPattern(literal: string): Promise<boolean> {
  const { pattern, flags } = partsOf(literal)
  return (require('recheck') as Recheck).check(pattern, flags, OPTIONS).then(
    ({ status }) => status === 'vulnerable',
    () => false,
  )
}

function partsOf(literal: string): { readonly pattern: string; readonly flags: string } {
  const end = literal.lastIndexOf('/')
  return { pattern: literal.slice(1, end), flags: literal.slice(end + 1) }
}

/** Only an expression with two unbounded repetitions, or one that is searched for everywhere, can be slow. */
function mayBeSlow(pattern: string): boolean {
  // What stands for one character repeats nothing: `\+`, `[*+]`.
  const bare = pattern.replace(/\\(?:[pu]\{[^}]*\}|[^])/g, 'e').replace(/\[[^\]]*\]/g, 'c')
  const repetitions = bare.match(/[*+]|\{\d+,\}/g)?.length ?? 0
  return repetitions > 1 || (repetitions === 1 && !bare.startsWith('^') && !/[*+]\??\)?$/.test(bare))
}
