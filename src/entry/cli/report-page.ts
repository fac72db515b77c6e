import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { objectOf, objectsOf, textOf, timeOf } from './answer.ts'
import { REPORT_STYLE } from './report-style.ts'

/** One session as its report tells it: actions oldest first, each with its explanation. */
export interface ReportedSession {
  readonly session: string
  readonly agents: readonly string[]
  readonly actions: readonly { readonly action: JsonObject; readonly explanation: JsonObject }[]
  /** There were more actions than the report holds. */
  readonly cut: boolean
  /** The head of the ledger when the report was made, as text. */
  readonly checkpoint: string
  /** Epoch ms. */
  readonly madeAt: number
  readonly version: string
}

/**
 * A whole HTML page that needs nothing else: no script, no picture, no address. Whatever agents, models and people wrote
 * is shown as text. Meant to be sent, printed and kept.
 */
export function reportPage(reported: ReportedSession): string {
  const { session, agents, actions } = reported
  const title = `Session ${session}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>${escapeHtml(title)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<header>
<p class="kind">Incident report</p>
<h1>${escapeHtml(title)}</h1>
<p class="sub">${agents.map((name) => `agent <b>${escapeHtml(name)}</b>`).join(', ')} · ${range(actions)}</p>
</header>
<main>
${cards(actions)}
${under(actions)}
${timeline(actions)}
<section>
<h2>What happened</h2>
${actions.map(entry).join('\n')}
${reported.cut ? '<p class="note">There are more actions than this report holds.</p>' : ''}
</section>
${proofs(reported)}
</main>
<footer>Made by Belay ${escapeHtml(reported.version)} at ${iso(reported.madeAt)}. Times are UTC.</footer>
</body>
</html>
`
}

type Told = ReportedSession['actions'][number]

function cards(actions: readonly Told[]): string {
  const count = (test: (action: JsonObject) => boolean): number =>
    actions.filter(({ action }) => test(action)).length
  const cost = actions.reduce((sum, { action }) => sum + numberOf(action['cost_usd']), 0)
  const tokens = (name: string): number =>
    actions.reduce((sum, one) => sum + numberOf(objectOf(around(one)['usage'])[name]), 0)
  const denied = count((action) => action['effective'] === 'deny')
  const held = count((action) => action['effective'] === 'require_approval')
  const failed = count((action) => action['state'] === 'failed' || action['state'] === 'unknown')
  const cells: readonly (readonly [string, string, string])[] = [
    ['actions', String(actions.length), ''],
    ['denied', String(denied), denied > 0 ? 'bad' : ''],
    ['asked a person', String(held), held > 0 ? 'wait' : ''],
    ['failed or unknown', String(failed), failed > 0 ? 'bad' : ''],
    ['cost', usd(cost), ''],
    ['tokens in', tokens('input_tokens').toLocaleString('en'), ''],
    ['tokens out', tokens('output_tokens').toLocaleString('en'), ''],
  ]
  return `<dl class="cards">${cells
    .map(([name, value, tone]) => `<div><dt>${name}</dt><dd class="${tone}">${value}</dd></div>`)
    .join('')}</dl>`
}

/** The models, prompts, releases and policies that the session ran under. */
function under(actions: readonly Told[]): string {
  const all = (name: string, read: (told: Told) => string): string => {
    const values = [...new Set(actions.map(read))].filter((value) => value !== '')
    if (values.length === 0) return ''
    return `<tr><th scope="row">${name}</th><td>${values.map((value) => `<code>${escapeHtml(value)}</code>`).join(' ')}</td></tr>`
  }
  const rows = [
    all('models', (told) => modelOf(told)),
    all('prompts', (told) => promptOf(told)),
    all('releases', (told) => textOf(around(told)['release'])),
    all('policies', ({ explanation }) => textOf(objectOf(explanation['policy'])['version'])),
    all('people', (told) =>
      objectsOf(around(told)['people'])
        .map((one) => textOf(one['by']))
        .join(', '),
    ),
  ].join('')
  return rows === '' ? '' : `<section><h2>Under</h2><table class="plain">${rows}</table></section>`
}

const MOST_BARS = 400

function timeline(actions: readonly Told[]): string {
  const spans = actions.map(({ action }) => ({
    action,
    from: timeOf(action['proposed_at']),
    to: Math.max(timeOf(action['updated_at']), timeOf(action['proposed_at'])),
  }))
  const start = Math.min(...spans.map(({ from }) => from))
  const length = Math.max(1, Math.max(...spans.map(({ to }) => to)) - start)
  const bars = spans.slice(0, MOST_BARS).map(({ action, from, to }) => {
    const left = ((100 * (from - start)) / length).toFixed(3)
    const width = Math.max(0.3, (100 * (to - from)) / length).toFixed(3)
    return `<li><a href="#${escapeHtml(textOf(action['id']))}"><span class="name">${escapeHtml(textOf(action['action']))}</span><span class="lane"><span class="bar ${tone(action)}" style="left:${left}%;width:${width}%"></span></span><span class="took">${span(to - from)}</span></a></li>`
  })
  return `<section><h2>Timeline</h2><p class="axis"><span>${clock(start)}</span><span>${clock(start + length)}</span></p><ol class="bars">${bars.join('')}</ol>${
    spans.length > MOST_BARS ? `<p class="note">The first ${MOST_BARS} of ${spans.length}.</p>` : ''
  }</section>`
}

function entry(told: Told): string {
  const { action, explanation } = told
  const open = tone(action) === 'good' ? '' : ' open'
  const reason = objectsOf(explanation['factors'])[0]
  return `<details id="${escapeHtml(textOf(action['id']))}"${open}>
<summary><time>${clock(timeOf(action['proposed_at']))}</time><b>${escapeHtml(textOf(action['action']))}</b>${badge(textOf(action['decision']))}${badge(textOf(action['state']))}<span class="why">${reason === undefined ? '' : escapeHtml(textOf(reason['code']))}</span><span class="cost">${usd(numberOf(action['cost_usd']))}</span></summary>
<p>${escapeHtml(textOf(explanation['summary']))}</p>
${factors(explanation)}
${people(told)}
${facts(told)}
${json('Input', explanation['input'])}
${isSame(explanation['input'], explanation['enforced']) ? '' : json('What might be executed', explanation['enforced'])}
${json('Result', action['result'])}
${records(explanation)}
</details>`
}

function factors(explanation: JsonObject): string {
  const found = objectsOf(explanation['factors'])
  if (found.length === 0) return ''
  const rows = found.map((factor) => {
    const condition = textOf(factor['condition'])
    const inputs = objectsOf(factor['inputs']).map(
      (one) =>
        `<code>${escapeHtml(textOf(one['path']))}</code>${one['value'] === null ? '' : ` = <code>${escapeHtml(JSON.stringify(one['value']))}</code>`}`,
    )
    const history = objectsOf(factor['history']).map(
      (one) =>
        `<code>${escapeHtml(textOf(one['asked']))}</code> was <code>${escapeHtml(textOf(one['was']))}</code>`,
    )
    const evidence =
      factor['evidence'] === undefined ? '' : `<code>${escapeHtml(JSON.stringify(factor['evidence']))}</code>`
    const behind = [
      ...(textOf(factor['where']) === ''
        ? []
        : [`in the policy at <code>${escapeHtml(textOf(factor['where']))}</code>`]),
      ...(condition === '' ? [] : [`because <code>${escapeHtml(condition)}</code>`]),
      ...inputs,
      ...history,
      ...(evidence === '' ? [] : [`evidence ${evidence}`]),
    ]
    return `<li${factor['decides'] === true ? ' class="decides"' : ''}><b>${escapeHtml(textOf(factor['kind']))}</b> <code>${escapeHtml(textOf(factor['code']))}</code> ${escapeHtml(textOf(factor['message']))}${behind.length === 0 ? '' : `<br><small>${behind.join(' · ')}</small>`}</li>`
  })
  return `<h3>Because</h3><ul class="factors">${rows.join('')}</ul>`
}

function people(told: Told): string {
  const found = objectsOf(around(told)['people'])
  if (found.length === 0) return ''
  const rows = found.map((one) => {
    const reason = textOf(one['reason'])
    const instead = textOf(one['for'])
    return `<li><b>${escapeHtml(textOf(one['by']))}</b>${instead === '' ? '' : ` for ${escapeHtml(instead)}`}: ${escapeHtml(textOf(one['what']))} at ${clock(numberOf(one['at']))}${reason === '' ? '' : ` – “${escapeHtml(reason)}”`}</li>`
  })
  return `<h3>People</h3><ul>${rows.join('')}</ul>`
}

function facts(told: Told): string {
  const { release, session, target, usage, cost, proposedBy } = around(told)
  const use = objectOf(usage)
  const reserved = objectsOf(objectOf(cost)['reserved']).map(
    (one) => `${textOf(one['account'])}: ${textOf(one['amount'])} ${textOf(one['unit'])}`,
  )
  const rows: readonly (readonly [string, string])[] = [
    ['model', modelOf(told)],
    ['parameters', said(objectOf(around(told)['model'])['params'])],
    ['prompt', promptOf(told)],
    ['release', textOf(release)],
    ['target', textOf(target)],
    ['asked by', textOf(proposedBy)],
    ['session', textOf(session)],
    [
      'tokens',
      use['input_tokens'] === undefined
        ? ''
        : `${textOf(use['input_tokens'])} in, ${textOf(use['output_tokens'])} out`,
    ],
    ['set aside', reserved.join('; ')],
  ]
  const told_ = rows.filter(([, value]) => value !== '')
  return `<table class="plain">${told_
    .map(([name, value]) => `<tr><th scope="row">${name}</th><td>${escapeHtml(value)}</td></tr>`)
    .join('')}</table>`
}

function records(explanation: JsonObject): string {
  const rows = objectsOf(explanation['timeline']).map((one) => {
    const details = Array.isArray(one['details']) ? (one['details'] as readonly JsonValue[]) : []
    return `<tr><td><time>${clock(numberOf(one['at']))}</time></td><td>${escapeHtml(textOf(one['what']))}${details.map((each) => `<br><small>${escapeHtml(textOf(each))}</small>`).join('')}</td><td><code>${escapeHtml(textOf(one['record']))}</code></td><td><code class="hash">${escapeHtml(textOf(one['hash']))}</code></td></tr>`
  })
  return `<h3>Records</h3><table class="records"><thead><tr><th>when</th><th>what</th><th>record</th><th>hash</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
}

function proofs({ checkpoint }: ReportedSession): string {
  return `<section><h2>Proof</h2><p>Every record above is part of a ledger in which a later change is found. Each hash covers the record and the one before it. The head of the ledger, signed, when this report was made:</p><pre>${escapeHtml(checkpoint)}</pre><p>Whoever has the ledger checks a record with <code>belay ledger proof ACTION</code> and all of it with <code>belay ledger verify</code>.</p></section>`
}

function around({ explanation }: Told): JsonObject {
  return objectOf(explanation['around'])
}

function modelOf(told: Told): string {
  const { provider, requested, responded, system_fingerprint: fingerprint } = objectOf(around(told)['model'])
  const name = textOf(responded) || textOf(requested)
  if (name === '') return ''
  const other = textOf(responded) !== '' && textOf(requested) !== '' && responded !== requested
  return `${textOf(provider)}/${name}${other ? ` (asked for ${textOf(requested)})` : ''}${textOf(fingerprint) === '' ? '' : ` ${textOf(fingerprint)}`}`
}

function promptOf(told: Told): string {
  const { name, version, digest } = objectOf(around(told)['prompt'])
  if (textOf(name) !== '') return `${textOf(name)}${textOf(version) === '' ? '' : `@${textOf(version)}`}`
  return textOf(digest).slice(0, 19)
}

function json(title: string, value: JsonValue | undefined): string {
  if (value === undefined || value === null) return ''
  return `<h3>${title}</h3><pre>${escapeHtml(JSON.stringify(value, null, 2))}</pre>`
}

function said(value: JsonValue | undefined): string {
  return isJsonObject(value ?? null) && Object.keys(value as JsonObject).length > 0
    ? JSON.stringify(value)
    : ''
}

function isSame(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null)
}

function tone(action: JsonObject): 'good' | 'wait' | 'bad' {
  const state = textOf(action['state'])
  if (action['effective'] === 'deny' || ['denied', 'failed', 'unknown'].includes(state)) return 'bad'
  const isOver = ['succeeded', 'undone', 'executing', 'ready'].includes(state)
  return action['effective'] === 'allow' && isOver ? 'good' : 'wait'
}

const TONES: Readonly<Record<string, string>> = {
  allow: 'good',
  succeeded: 'good',
  deny: 'bad',
  denied: 'bad',
  failed: 'bad',
  unknown: 'bad',
}

function badge(word: string): string {
  return `<span class="badge ${TONES[word] ?? 'wait'}">${escapeHtml(word.replace('_', ' '))}</span>`
}

function range(actions: readonly Told[]): string {
  const times = actions.flatMap(({ action }) => [timeOf(action['proposed_at']), timeOf(action['updated_at'])])
  const [from, to] = [Math.min(...times), Math.max(...times)]
  return `${iso(from)} to ${iso(to)} · ${span(to - from)}`
}

function span(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  return ms < 3_600_000 ? `${(ms / 60_000).toFixed(1)} min` : `${(ms / 3_600_000).toFixed(1)} h`
}

function usd(amount: number): string {
  return amount === 0 ? '$0' : `$${amount.toFixed(amount < 0.01 ? 6 : 2)}`
}

function numberOf(value: JsonValue | undefined): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

function iso(at: number): string {
  return Math.abs(at) < 8.64e15 ? new Date(at).toISOString() : ''
}

function clock(at: number): string {
  return iso(at).slice(11, 23)
}

/** Characters that make text look like other text: shown by their number. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g // oxlint-disable-line no-control-regex

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
    .replace(HIDDEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
