import { v7 as uuidv7 } from 'uuid'
import type { Finding } from '../../action/finding.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import type { JudgeRule, ScoreRule, Timing } from '../../policy/compile-quality.ts'
import type { ScoreRow, StoredRecord } from '../../storage/store.ts'
import type { Given } from './verdicts.ts'

/** What a judge made of an action by one rubric, with what the policy makes of that. */
export interface Score {
  readonly rubric: string
  readonly timing: Timing
  readonly verdict: ScoreRow['verdict']
  /** For the record: nothing of it quotes the content. */
  readonly fact: JsonObject
  /** May quote the content: goes where it can be erased. `null`: there is none. */
  readonly explanation: string | null
  /** What it comes to before the action. */
  readonly findings: readonly Finding[]
  /** One sentence with the numbers, and whether people are alerted. */
  readonly message: string
  readonly alerts: boolean
}

/** `rules`: those that name the rubric for this action, at least one. */
export function scoreOf(rules: readonly ScoreRule[], given: Given, judge: JudgeRule, timing: Timing): Score {
  const { rubric } = rules[0] as ScoreRule
  const threshold = Math.max(...rules.map((rule) => rule.threshold))
  const scored = 'score' in given
  const verdict = !scored ? 'unscored' : given.score < threshold ? 'rejected' : 'accepted'
  const broken = rules.filter((rule) => !scored || given.score < rule.threshold)
  const name = rubric.name
  const message = !scored
    ? `The rubric ${name} could not be scored: ${given.message}`
    : verdict === 'rejected'
      ? `By the rubric ${name} it scores ${given.score}% (${given.label}), which is below ${threshold}%.`
      : `By the rubric ${name} it scores ${given.score}% (${given.label}); below ${threshold}% it would be rejected.`
  const explanation = scored ? given.explanation : null
  const evidence: JsonValue = scored
    ? { score: given.score, label: given.label, explanation: given.explanation }
    : given.error
  const reason = { code: `quality:${verdict}.${name}`, check: 'quality', message }
  const demands = broken.length === 0 ? (['alert'] as const) : broken.map(({ then }) => then)
  return {
    rubric: name,
    timing,
    verdict,
    fact: {
      id: `qs_${uuidv7()}`,
      timing,
      rubric: name,
      rubric_digest: rubric.digest,
      judge: {
        provider: judge.provider,
        requested: judge.model,
        responded: bounded(given.model?.responded),
        system_fingerprint: bounded(given.model?.systemFingerprint),
        digest: given.judgeDigest,
      },
      content: given.content,
      verdict,
      score: scored ? given.score : null,
      threshold,
      label: scored ? given.label : null,
      error: scored ? null : given.error,
      cached: given.cached,
      judge_action: given.judgeAction,
    },
    explanation,
    findings: [...new Set(demands)].map((then) => ({
      decision: then === 'alert' ? 'allow' : then,
      reason,
      evidence,
    })),
    message,
    alerts: verdict !== 'accepted' && (timing === 'after' || broken.some(({ then }) => then === 'alert')),
  }
}

function bounded(text: string | null | undefined): string | null {
  return text == null ? null : text.slice(0, 200).toWellFormed()
}

/** The scores that a record holds, as rows. What does not have their shape is none. */
export function scoresIn(record: StoredRecord, said: JsonObject): readonly ScoreRow[] {
  const facts = said['facts']
  const listed = isJsonObject(facts) ? facts['quality'] : undefined
  if (!Array.isArray(listed) || record.action === null) return []
  const { action, agent, at } = record
  return listed.filter(isJsonObject).flatMap((fact): ScoreRow[] => {
    const judge = isJsonObject(fact['judge']) ? fact['judge'] : {}
    const id = textOf(fact['id'])
    const verdict = VERDICTS.find((one) => one === fact['verdict'])
    if (!id.startsWith('qs_') || verdict === undefined) return []
    return [
      {
        id,
        action,
        agent: agent ?? '',
        name: textOf(said['name']),
        at,
        timing: fact['timing'] === 'after' ? 'after' : 'before',
        rubric: textOf(fact['rubric']),
        rubricDigest: textOf(fact['rubric_digest']),
        judge: `${textOf(judge['provider'])}/${textOf(judge['requested'])}`,
        judgeDigest: textOf(judge['digest']),
        content: textOf(fact['content']),
        verdict,
        score: typeof fact['score'] === 'number' ? fact['score'] : null,
        threshold: typeof fact['threshold'] === 'number' ? fact['threshold'] : 0,
        label: textOf(fact['label']) || null,
        error: textOf(fact['error']) || null,
        cached: fact['cached'] === true,
        judgeAction: textOf(fact['judge_action']) || null,
        person: null,
      },
    ]
  })
}

const VERDICTS = ['accepted', 'rejected', 'unscored'] as const

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}
