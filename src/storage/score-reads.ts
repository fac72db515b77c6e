import { sql, type Kysely, type Selectable } from 'kysely'
import type { AgreementCount, ScoreFilter, ScoreRow } from './scores.ts'
import type { ScoresTable, Tables } from './tables.ts'

/** Columns in the order in which they are written, the id first. */
export const SCORE_COLUMNS = [
  'id',
  'action',
  'agent',
  'name',
  'at',
  'timing',
  'rubric',
  'rubric_digest',
  'judge',
  'judge_digest',
  'content',
  'verdict',
  'score',
  'threshold',
  'label',
  'error',
  'cached',
  'judge_action',
  'person',
] as const satisfies readonly (keyof ScoresTable)[]

/** In the order of `SCORE_COLUMNS`. */
export function scoreValues(row: ScoreRow): (string | number | null)[] {
  return [
    row.id,
    row.action,
    row.agent,
    row.name,
    row.at,
    row.timing,
    row.rubric,
    row.rubricDigest,
    row.judge,
    row.judgeDigest,
    row.content,
    row.verdict,
    row.score,
    row.threshold,
    row.label,
    row.error,
    row.cached ? 1 : 0,
    row.judgeAction,
    row.person,
  ]
}

export async function readScores(db: Kysely<Tables>, filter: ScoreFilter): Promise<readonly ScoreRow[]> {
  const { action, agent, rubric, verdict, before, limit } = filter
  let query = db.selectFrom('quality_scores').select(SCORE_COLUMNS).orderBy('id', 'desc').limit(limit)
  if (action !== undefined) query = query.where('action', '=', action)
  if (agent !== undefined) query = query.where('agent', '=', agent)
  if (rubric !== undefined) query = query.where('rubric', '=', rubric)
  if (verdict !== undefined) query = query.where('verdict', '=', verdict)
  if (before !== undefined) query = query.where('id', '<', before)
  return (await query.execute()).map(scoreFrom)
}

export async function readKnownScore(
  db: Kysely<Tables>,
  { rubricDigest, judgeDigest, content }: Pick<ScoreRow, 'rubricDigest' | 'judgeDigest' | 'content'>,
  since: number,
): Promise<ScoreRow | undefined> {
  const row = await db
    .selectFrom('quality_scores')
    .select(SCORE_COLUMNS)
    .where('content', '=', content)
    .where('rubric_digest', '=', rubricDigest)
    .where('judge_digest', '=', judgeDigest)
    .where('cached', '=', 0)
    .where('verdict', '!=', 'unscored')
    .where('at', '>=', since)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? undefined : scoreFrom(row)
}

export async function countAgreement(db: Kysely<Tables>, since: number): Promise<readonly AgreementCount[]> {
  const { rows } = await sql<{
    rubric: string
    rubric_digest: string
    judge: string
    verdict: AgreementCount['verdict']
    person: AgreementCount['person']
    count: number
  }>`SELECT rubric, rubric_digest, judge, verdict, person, count(*) AS count FROM quality_scores
    WHERE person IN ('approve', 'reject') AND verdict <> 'unscored' AND at >= ${since}
    GROUP BY rubric, rubric_digest, judge, verdict, person
    ORDER BY rubric, judge, rubric_digest, verdict, person`.execute(db)
  return rows.map(({ rubric_digest: rubricDigest, ...row }) => ({ ...row, rubricDigest }))
}

function scoreFrom(row: Selectable<ScoresTable>): ScoreRow {
  return {
    id: row.id,
    action: row.action,
    agent: row.agent,
    name: row.name,
    at: row.at,
    timing: row.timing,
    rubric: row.rubric,
    rubricDigest: row.rubric_digest,
    judge: row.judge,
    judgeDigest: row.judge_digest,
    content: row.content,
    verdict: row.verdict,
    score: row.score,
    threshold: row.threshold,
    label: row.label,
    error: row.error,
    cached: row.cached === 1,
    judgeAction: row.judge_action,
    person: row.person,
  }
}
