import type { AgreementCount } from '../../storage/store.ts'

/** How far a judge and people agree about the same contents. */
export interface Agreement {
  readonly rubric: string
  readonly rubricDigest: string
  readonly judge: string
  /** Contents on which both said something. */
  readonly count: number
  readonly bothAccept: number
  readonly bothReject: number
  /** The judge rejected what people approved. */
  readonly judgeStricter: number
  /** The judge accepted what people rejected. */
  readonly judgeLooser: number
  /** The share of them on which both said the same, 0 … 1. */
  readonly same: number
  /**
   * Cohen's kappa: agreement beyond what chance would give, -1 … 1. `null` where both said the same of all of them: then
   * chance alone explains everything.
   */
  readonly kappa: number | null
  /** Of kappa, at 95%, by its large-sample standard error; `null` with fewer than 20 contents, or without kappa. */
  readonly interval: readonly [number, number] | null
}

const ENOUGH = 20
const Z95 = 1.959964

/** By rubric and judge, each version by itself, those with the most contents first. */
export function agreementOf(counts: readonly AgreementCount[]): readonly Agreement[] {
  const groups = new Map<string, AgreementCount[]>()
  for (const count of counts) {
    const key = JSON.stringify([count.rubric, count.rubricDigest, count.judge])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [count])
    else group.push(count)
  }
  return [...groups.values()].map(agreementIn).toSorted((a, b) => b.count - a.count)
}

function agreementIn(group: readonly AgreementCount[]): Agreement {
  const { rubric, rubricDigest, judge } = group[0] as AgreementCount
  const of = (verdict: AgreementCount['verdict'], person: AgreementCount['person']): number =>
    group.reduce((sum, one) => sum + (one.verdict === verdict && one.person === person ? one.count : 0), 0)
  const bothAccept = of('accepted', 'approve')
  const bothReject = of('rejected', 'reject')
  const judgeStricter = of('rejected', 'approve')
  const judgeLooser = of('accepted', 'reject')
  const count = bothAccept + bothReject + judgeStricter + judgeLooser
  const same = (bothAccept + bothReject) / count
  const judgeAccepts = bothAccept + judgeLooser
  const peopleAccept = bothAccept + judgeStricter
  const byChance =
    (judgeAccepts * peopleAccept + (count - judgeAccepts) * (count - peopleAccept)) / (count * count)
  const kappa = byChance === 1 ? null : (same - byChance) / (1 - byChance)
  const error = Math.sqrt((same * (1 - same)) / count) / (1 - byChance)
  const interval =
    kappa === null || count < ENOUGH
      ? null
      : ([Math.max(-1, kappa - Z95 * error), Math.min(1, kappa + Z95 * error)] as const)
  return {
    rubric,
    rubricDigest,
    judge,
    count,
    bothAccept,
    bothReject,
    judgeStricter,
    judgeLooser,
    same,
    kappa,
    interval,
  }
}
