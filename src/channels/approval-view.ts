import type { Action, Approval, Effect, InState, Risk } from '../action/action.ts'
import type { JsonObject, JsonValue } from '../action/json.ts'
import { usdFromNano } from '../action/money.ts'

/** What a person needs to see to decide on a held action. Texts from outside are made visible, not yet escaped for a medium. */
export interface ApprovalView {
  readonly approvalId: string
  readonly actionId: string
  readonly version: number
  readonly agent: string
  readonly action: string
  readonly effect: Effect
  /** What will happen, in one sentence. */
  readonly sentence: string
  /** The exact arguments, as indented JSON; a sentence where they were erased. */
  readonly input: string
  /** Why it was held. */
  readonly reasons: readonly string[]
  /** The agent's own reason. */
  readonly agentReason: string | null
  readonly confidence: number | null
  readonly costUsd: number
  /** Whether it can be taken back, in words. */
  readonly undo: string
  readonly session: string | null
  readonly proposedBy: string | null
  readonly step: number
  readonly steps: number
  readonly group: string
  readonly members: readonly string[]
  /** Who may vote now: members who have not, those to whom a vote was passed on, and who stands in for the absent. */
  readonly deciders: readonly string[]
  /** Sentences on who else was brought in, who passed a vote on, and who edited the input. */
  readonly turns: readonly string[]
  readonly risk: Risk
  /** When and to whom it goes when nobody decides; `null`: to nobody else. */
  readonly escalation: { readonly at: number; readonly to: readonly string[] } | null
  readonly quorum: number
  /** Who has approved in this step. */
  readonly approved: readonly string[]
  /** The groups that must approve after this one. */
  readonly next: readonly string[]
  /** Epoch ms. */
  readonly expiresAt: number
  readonly digest: string
}

/** What `viewOf` needs beside the action. */
export interface ViewParts {
  /** `null`: erased. */
  readonly input: JsonObject | null
  readonly agentReason: string | null
  /** How long it can be undone, ms; `null`: not at all. */
  readonly undoWithin: number | null
  /** The condition that must hold then. */
  readonly undoWhen?: string | null
  readonly deciders: readonly string[]
}

const EFFECT_WORDS: Readonly<Record<Effect, string>> = {
  read: 'It only reads.',
  write: 'It changes something.',
  irreversible: 'It cannot be taken back.',
}

export function viewOf(
  held: InState<'held'>,
  { input, agentReason, undoWithin, undoWhen = null, deciders }: ViewParts,
): ApprovalView {
  const { approval } = held.state
  const step = approval.steps[approval.step]
  const escalation = step?.escalations?.[0]
  return {
    approvalId: approval.id,
    actionId: held.id,
    version: held.version,
    agent: visible(held.agent),
    action: visible(held.name),
    effect: held.effect,
    sentence: `${ended(`The agent ${visible(held.agent)} wants to run ${visible(held.name)}${onWhat(held.target)}${inWords(input)}`)} ${EFFECT_WORDS[held.effect]}`,
    input: input === null ? 'The arguments were erased.' : visible(JSON.stringify(input, null, 2), true),
    reasons: held.reasons.map(({ message }) => visible(message)),
    agentReason: agentReason === null ? null : visible(agentReason, true),
    confidence: held.confidence,
    costUsd: usdFromNano(held.cost),
    undo: undoWords(held.effect, undoWithin, undoWhen),
    session: held.session === null ? null : visible(held.session),
    proposedBy: held.proposedBy === null ? null : visible(held.proposedBy),
    step: approval.step,
    steps: approval.steps.length,
    group: visible(step?.group ?? ''),
    members: step?.members ?? [],
    deciders,
    turns: turnsOf(approval),
    risk: approval.risk,
    escalation:
      escalation === undefined ? null : { at: approval.since + escalation.after, to: escalation.to },
    quorum: step?.quorum ?? 1,
    approved: (step?.votes ?? []).map(({ by }) => by),
    next: approval.steps.slice(approval.step + 1).map(({ group }) => visible(group)),
    expiresAt: approval.expiresAt,
    digest: approval.actionDigest,
  }
}

/** An argument that ends the sentence may have ended it already. */
function ended(sentence: string): string {
  return /[.!?…]$/.test(sentence) ? sentence : `${sentence}.`
}

/** Part of what is decided on, though no argument. */
function onWhat(target: string | null): string {
  return target === null ? '' : ` on ${visible(clip(target, 200))}`
}

/** The first few plain values, so that the sentence says what about. The exact arguments are shown beside it. */
function inWords(input: JsonObject | null): string {
  if (input === null) return ''
  const shown = Object.entries(input)
    .filter((entry): entry is [string, string | number | boolean] => isPlain(entry[1]))
    .slice(0, 4)
    .map(
      ([key, value]) => `${visible(clip(key, 40))} ${value === '' ? '""' : visible(clip(String(value), 80))}`,
    )
  return shown.length === 0 ? '' : ` with ${shown.join(', ')}`
}

/** What happened to the approval beside votes. */
function turnsOf({ steps, step, editedBy, breakGlass }: Approval): string[] {
  const { escalatedTo = [], delegations = [] } = steps[step] ?? {}
  const named = (people: readonly string[]): string => people.map((one) => visible(one)).join(', ')
  return [
    ...(editedBy === undefined ? [] : [`The input was edited by ${named(editedBy)}.`]),
    ...(escalatedTo.length === 0 ? [] : [`It waited too long: ${named(escalatedTo)} may decide as well.`]),
    ...delegations.map(({ from, to }) => `${visible(from)} passed the vote on to ${visible(to)}.`),
    ...(breakGlass === undefined || breakGlass.votes.length === 0
      ? []
      : [
          `${named(breakGlass.votes.map(({ by }) => by))} asked to release it out of turn; one more releases it.`,
        ]),
  ]
}

function isPlain(value: JsonValue): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function undoWords(effect: Effect, within: number | null, when: string | null): string {
  if (effect === 'read') return 'Nothing to undo: it only reads.'
  if (effect === 'irreversible') return 'No: it cannot be undone.'
  return within === null
    ? 'Not by Belay: the policy declares no undo.'
    : `Yes, within ${durationWords(within)}${when === null ? '' : ` if ${visible(when)}`}.`
}

export function durationWords(ms: number): string {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
    ['second', 1_000],
  ] as const
  const [name, size] = units.find(([, unit]) => ms >= unit) ?? units[3]
  const count = Math.round(ms / size)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}

/** `2031-04-01 09:30 UTC`. */
export function timeWords(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

export function costWords(usd: number): string {
  return usd === 0
    ? 'nothing that Belay counts'
    : `at most $${usd < 0.01 ? usd.toPrecision(2) : usd.toFixed(2)}`
}

/** What became of an action that waits no longer, or waits for somebody else. */
export function fateOf(action: Action): string {
  const { state } = action
  switch (state.name) {
    case 'held': {
      const { approval } = state
      const step = approval.steps[approval.step]
      return `It waits for ${visible(step?.group ?? 'people')} (step ${approval.step + 1} of ${approval.steps.length}).`
    }
    case 'ready':
      if (state.approval?.grantedBy === 'break_glass')
        return `It was released out of turn${byWords(state.approval.breakGlass?.votes.map(({ by }) => by))} and may run.`
      return `It was approved${byWords(state.approval?.steps.flatMap(({ votes }) => votes.map(({ by }) => by)))} and may run.`
    case 'executing':
      return `It was approved${byWords(state.approvedBy)} and is running.`
    case 'denied':
      return `It was refused: ${visible(action.reasons[0]?.message ?? 'no reason is recorded')}`
    case 'expired':
      return state.was === 'held'
        ? 'Nobody decided in time: it expired and will not run.'
        : 'It was approved, but the agent did not start it in time: it will not run.'
    case 'cancelled':
      return `It was withdrawn by ${visible(state.by)}.`
    case 'succeeded':
      return 'It was approved and has run.'
    case 'failed':
      return 'It was approved, ran, and failed.'
    case 'unknown':
      return 'It was approved and started; its outcome is not known.'
    case 'undone':
      return `It ran and was undone by ${visible(state.by)}.`
  }
}

function byWords(people: readonly string[] | undefined): string {
  return people === undefined || people.length === 0
    ? ''
    : ` by ${[...new Set(people)].map((one) => visible(one)).join(', ')}`
}

/** Control, format and bidirectional characters (Unicode Cc, Cf, Zl, Zp, surrogates): what is shown must be what is there. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u115f\u1160\u3164\uffa0\u2800]/gu

/** Writes characters that a reader cannot see, or that turn the text around, as `\u{202e}`. */
export function visible(text: string, lines = false): string {
  return text.replace(HIDDEN, (character) =>
    lines && character === '\n' ? character : `\\u{${character.codePointAt(0)!.toString(16)}}`,
  )
}

/** At most `max` UTF-16 units, with an ellipsis where something was cut; never half a character. */
export function clip(text: string, max: number): string {
  return text.length <= max
    ? text
    : `${text
        .slice(0, max - 1)
        .toWellFormed()
        .replace(/\ufffd$/, '')}…`
}
