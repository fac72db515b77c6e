import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import type { JsonObject } from '../../src/action/json.ts'
import { openHarness, type Harness, type HarnessOptions } from '../../src/entry/harness.ts'
import type { Score } from '../../src/flow/quality/score.ts'
import { openJudge } from '../../src/entry/quality/open-judge.ts'
import { policyFor } from '../model-gateway/drive.ts'
import { startProvider, type Arrived, type Provider } from '../model-gateway/provider/provider.ts'
import { dropDatabase, freshDatabase } from '../setup/start-postgres.ts'

export interface JudgedHarness {
  readonly provider: Provider
  readonly harness: Harness
  readonly faults: unknown[]
  readonly scores: (Score & { readonly about: string })[]
  /** Where the policy and the data lie. */
  readonly folder: string
  readonly databaseUrl: string | undefined
  propose(
    input: JsonObject,
    how?: { readonly action?: string; readonly agent?: string; readonly subjects?: string[] },
  ): Promise<Action>
  /** The agent says that it succeeded. */
  succeed(action: Action, result?: JsonObject): Promise<void>
  setPolicy(text: string): Promise<void>
  /** Ends the harness and opens another one on the same store. */
  reopen(how?: { readonly watch: boolean }): Promise<void>
  close(): Promise<void>
}

export const RUBRIC = `name: house
description: Whether it is ours.
criteria: [{ name: tone, text: It is friendly. }]
scale: { 0: not ours, 100: ours }
labels: [ours, theirs]
threshold: 30%
`

export interface Judged {
  /** YAML of one line each, under `quality.rules`. */
  readonly rules: readonly string[]
  /** YAML of one line, within `quality.judge`. */
  readonly judge?: string
  readonly actions?: string
  readonly generate?: string
  /** Whole lines of YAML at the end of the file. */
  readonly more?: string
  readonly model?: { readonly provider: string; readonly model: string }
  readonly mode?: 'observe'
}

export function judgedPolicy(provider: Provider, options: Judged): string {
  const { rules, judge = '', actions = '', generate, more = '', mode } = options
  const { provider: name, model } = options.model ?? { provider: 'openai', model: 'gpt-4o' }
  const policy = policyFor(provider, {
    actions: `  post: { effect: write }\n  pay: { effect: irreversible }\n${actions}`,
    ...(generate !== undefined && { generate }),
  })
  return `${mode === undefined ? policy : policy.replace('mode: enforce', `mode: ${mode}`)}
quality:
  about: We are a hardware shop.
  judge: { provider: ${name}, model: ${model}, budget: [{ limit_usd: 5, per: day }], timeout: 10s${judge === '' ? '' : `, ${judge}`} }
  rubrics: { house: house.yaml }
  rules:
${rules.map((rule) => `    - ${rule}`).join('\n')}
${more}`
}

/** A harness whose judge is the scripted provider. */
export async function startJudged(
  options: Judged,
  { store = 'sqlite', ...more }: { readonly store?: 'sqlite' | 'postgres' } & Partial<HarnessOptions> = {},
): Promise<JudgedHarness> {
  const provider = await startProvider()
  const folder = mkdtempSync(join(tmpdir(), 'belay-judged-'))
  const config = join(folder, 'belay.yaml')
  writeFileSync(join(folder, 'house.yaml'), RUBRIC)
  writeFileSync(config, judgedPolicy(provider, options))
  const databaseUrl = store === 'postgres' ? await freshDatabase(inject('postgresUrl')) : undefined
  const faults: unknown[] = []
  const scores: JudgedHarness['scores'] = []
  let changed: (() => void) | undefined
  const open = (how: { readonly watch?: boolean } = {}): Promise<Harness> =>
    openHarness({
      config,
      data: join(folder, 'data'),
      judge: openJudge({ env: {} }),
      onFault: (fault) => faults.push(fault),
      onPolicyChanged: () => changed?.(),
      onScored: (score, about) => scores.push({ ...score, about: about.id }),
      ...(databaseUrl !== undefined && { databaseUrl }),
      ...more,
      ...how,
    })
  let harness = await open()
  return {
    provider,
    faults,
    scores,
    folder,
    databaseUrl,
    get harness() {
      return harness
    },
    async propose(input, { action = 'post', agent = 'clerk', subjects } = {}) {
      const proposal = { agent, action, input, ...(subjects && { subjects }) }
      return (await harness.flow.propose(proposal, { venue: 'agent', start: false })).action
    },
    async succeed(action, result) {
      await harness.flow.start(action.id)
      await harness.flow.report(action.id, { outcome: 'succeeded', ...(result && { result }) })
    },
    async setPolicy(text) {
      const { promise, resolve } = Promise.withResolvers<void>()
      changed = resolve
      writeFileSync(config, text)
      await promise
    },
    async reopen(how) {
      await harness.close()
      harness = await open(how)
    },
    async close() {
      await harness.close()
      await provider.close()
      if (databaseUrl !== undefined) await dropDatabase(databaseUrl)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What a judge was told, and what it was shown. */
export function question(request: Arrived): {
  readonly instructions: string
  readonly content: string
  readonly token: string
} {
  const body = request.body as Record<string, unknown>
  const texts = JSON.stringify(body)
  const token = /=== data ([\w-]{22}) begins ===/.exec(texts)?.[1] ?? ''
  const [instructions, content] = partsOf(body)
  return { instructions, content, token }
}

function partsOf(body: Record<string, unknown>): [string, string] {
  const messages = body['messages'] as { readonly role: string; readonly content: string }[] | undefined
  if (messages !== undefined) {
    const system = body['system'] as string | undefined
    const own = messages.find(({ role }) => role === 'system')?.content
    return [system ?? own ?? '', messages.findLast(({ role }) => role === 'user')?.content ?? '']
  }
  const textOf = (content: unknown): string =>
    (content as { readonly parts: readonly { readonly text: string }[] }).parts[0]?.text ?? ''
  return [textOf(body['systemInstruction']), textOf((body['contents'] as unknown[])[0])]
}

/** The answer of an honest judge. */
export function verdict(request: Arrived, score: number, more: JsonObject = {}): { readonly text: string } {
  const { token } = question(request)
  const label = score >= 30 ? 'ours' : 'theirs'
  return { text: JSON.stringify({ token, score, label, explanation: `Worth ${score}.`, ...more }) }
}
