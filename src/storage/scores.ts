/**
 * What judges made of actions, as it can be listed and counted. Derived from the ledger's records, which alone count:
 * written again it changes nothing.
 */
export interface Scores {
  /** Keeps scores that are not there yet, and then what people decided, each in its order, durably. */
  keep(scores: readonly ScoreRow[], people: readonly PersonSaid[]): Promise<void>
  /** Newest first. */
  list(filter: ScoreFilter): Promise<readonly ScoreRow[]>
  /** The newest score of the same content by the same judge and rubric, made at `since` or later, epoch ms. */
  known(
    same: Pick<ScoreRow, 'rubricDigest' | 'judgeDigest' | 'content'>,
    since: number,
  ): Promise<ScoreRow | undefined>
  /** How often people and the judge said the same, of scores made at `since` or later, by rubric and judge. */
  agreement(since: number): Promise<readonly AgreementCount[]>
}

export interface ScoreFilter {
  readonly action?: string
  readonly agent?: string
  readonly rubric?: string
  readonly verdict?: ScoreVerdict
  /** Ids are ordered by time: only those before this one. */
  readonly before?: string
  readonly limit: number
}

export type ScoreVerdict = 'accepted' | 'rejected' | 'unscored'

/** What became of the approval that the scored content waited for; `edit`: it was changed first. */
export type PersonOutcome = 'approve' | 'reject' | 'edit'

export interface PersonSaid {
  readonly action: string
  readonly outcome: PersonOutcome
  /** It was said of scores made before then, epoch ms. */
  readonly before: number
}

/** Times are epoch ms. */
export interface ScoreRow {
  /** `qs_` and a UUIDv7. */
  readonly id: string
  readonly action: string
  readonly agent: string
  /** Of the action. */
  readonly name: string
  readonly at: number
  readonly timing: 'before' | 'after'
  readonly rubric: string
  readonly rubricDigest: string
  /** `provider/model` as it was asked. */
  readonly judge: string
  /** Of all that the judge is asked with beside the rubric and the content. */
  readonly judgeDigest: string
  /** Digest of what was scored. */
  readonly content: string
  readonly verdict: ScoreVerdict
  /** 0 … 100; `null`: unscored. */
  readonly score: number | null
  /** A score below it was rejected. */
  readonly threshold: number
  readonly label: string | null
  /** Why there is no score. */
  readonly error: string | null
  readonly cached: boolean
  /** The action by which the judge was asked; `null`: it was not. */
  readonly judgeAction: string | null
  /** The first that a person said of it afterwards. */
  readonly person: PersonOutcome | null
}

export interface AgreementCount {
  readonly rubric: string
  readonly rubricDigest: string
  readonly judge: string
  readonly verdict: 'accepted' | 'rejected'
  readonly person: 'approve' | 'reject'
  readonly count: number
}
