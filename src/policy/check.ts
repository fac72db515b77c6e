import type { Effect } from '../action/action.ts'
import type { Decision } from '../action/decision.ts'
import type { Finding } from '../action/finding.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'

/**
 * A check looks at one action and annotates it with findings; it never decides and never touches the world.
 * One small file in `checks/`, its test beside it; projects add their own through `plugins:` or the SDK.
 * A check that throws, runs past its time or answers nonsense refuses the action.
 */
export interface Check {
  /** Its key in `verify:`, snake case. */
  readonly name: string
  /** JSON Schema (2020-12) of its own options. `then`, `code`, `message`, `tags` belong to every check and are added. */
  readonly options: JsonObject
  /** Called once when the policy loads. Throws with a plain sentence when the options make no sense. */
  prepare(options: JsonObject, setup: CheckSetup): PreparedCheck
}

/** What a check may use while the policy loads. */
export interface CheckSetup {
  /** Reads a UTF-8 file named in the options, relative to the policy; lines without comments (#) and blanks. */
  readLines(path: string): readonly string[]
  readonly lists: Readonly<Record<string, readonly string[]>>
}

/**
 * Runs on every action. Findings without a `decision` take the entry's `then`, else `deny`.
 * Answers at once where it can: a promise makes the whole action asynchronous.
 */
export type PreparedCheck = (
  subject: CheckSubject,
) => readonly CheckFinding[] | Promise<readonly CheckFinding[]>

/** What a check sees. The input is what the checks before it have left. */
export interface CheckSubject {
  readonly action: string
  readonly agent: string
  readonly effect: Effect
  readonly input: JsonObject
  readonly provenance: JsonObject
}

export interface CheckFinding {
  /** Defaults to `{check}:found`. */
  readonly code?: string
  /** One sentence for people. It must not quote the input. */
  readonly message: string
  /** Values that mattered; may quote the input. */
  readonly evidence?: JsonValue
  /** How to make the input harmless; used when the entry says `then: redact`. */
  readonly edits?: Finding['edits']
  /** Only for checks that decide by themselves, such as `rule`; the entry's `then` wins where it is set. */
  readonly decision?: Decision
}
