import type { JsonObject } from '../../../action/json.ts'
import { MOST_TAGS, TAG_NAME } from '../../../action/tags.ts'
import type { Rollups } from '../../../storage/store.ts'
import { nameIn, objectIn } from './told.ts'

/** What agents write as they like must not grow the sums without end: so many names an hour, and values of each. */
export const MOST_NAMES = 32
export const MOST_VALUES = 200
/** What is counted together beyond them. */
export const OTHER = 'other'
/** Late corrections need the hours before; hours that are not remembered are read again. */
const MOST_HOURS = 200

type Values = Map<string, Set<string>>

/** The tags in a record's facts; `null` for none. The record may be of any version of the harness: bounded again. */
export function tagsIn(facts: JsonObject): Readonly<Record<string, string>> | null {
  const said = objectIn(facts, 'tags')
  const tags = Object.keys(said)
    .filter((name) => TAG_NAME.test(name))
    .slice(0, MOST_TAGS)
    .flatMap((name) => {
      const value = nameIn(said, name)
      return value === null ? [] : [[name, value] as const]
    })
  return tags.length === 0 ? null : Object.fromEntries(tags)
}

/** Keeps the number of different tags an hour within bounds, for each chain, also after a restart. */
export class TagCounts {
  readonly #rollups: Pick<Rollups, 'tagsIn'>
  readonly #hours = new Map<string, Values>()

  constructor(rollups: Pick<Rollups, 'tagsIn'>) {
    this.#rollups = rollups
  }

  /** The tags under which an action of that hour (epoch ms) is counted. */
  async bounded(
    chain: string,
    hour: number,
    tags: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, string>>> {
    const known = await this.#valuesIn(chain, hour)
    const counted: Record<string, string> = {}
    for (const [name, value] of Object.entries(tags)) {
      let values = known.get(name)
      if (values === undefined) {
        if (known.size >= MOST_NAMES) {
          counted[OTHER] = OTHER
          continue
        }
        values = new Set()
        known.set(name, values)
      }
      if (!values.has(value) && values.size >= MOST_VALUES) counted[name] = OTHER
      else {
        values.add(value)
        counted[name] = value
      }
    }
    return counted
  }

  /** To be called when what was counted is not written. */
  forget(): void {
    this.#hours.clear()
  }

  async #valuesIn(chain: string, hour: number): Promise<Values> {
    const place = `${hour}\n${chain}`
    const remembered = this.#hours.get(place)
    if (remembered !== undefined) return remembered
    const values: Values = new Map()
    for (const { name, value } of await this.#rollups.tagsIn(
      chain,
      hour,
      (MOST_NAMES + 1) * (MOST_VALUES + 1),
    )) {
      const of = values.get(name) ?? new Set()
      values.set(name, of.add(value))
    }
    for (const oldest of this.#hours.keys()) {
      if (this.#hours.size < MOST_HOURS) break
      this.#hours.delete(oldest)
    }
    this.#hours.set(place, values)
    return values
  }
}
