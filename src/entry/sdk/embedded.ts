import { createPublicKey } from 'node:crypto'
import type { Tags } from '../../action/tags.ts'
import { checkTags, withTags } from '../tags.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { Action } from '../../action/action.ts'
import type { JsonObject } from '../../action/json.ts'
import { nanoFromUsd } from '../../action/money.ts'
import type { Flow } from '../../flow/flow.ts'
import { signingKey } from '../../flow/audit/signing-key.ts'
import type { Exports } from '../export/exports.ts'
import { openJudge } from '../quality/open-judge.ts'
import { openHarness, type Harness } from '../harness.ts'
import { judgesResults, reportJudged } from '../judged-report.ts'
import { lazySnippetDesk } from '../snippets/lazy-desk.ts'
import { SNIPPET_ACTION, snippetFrom } from '../snippets/snippet.ts'
import { openTelemetry } from '../telemetry/telemetry.ts'
import type { EmbeddedOptions } from './belay.ts'
import { filled, templateOf } from './prompt-access.ts'
import type { ProposalOptions, Standing, WholeDoor } from './harness-door.ts'

/** Opens a harness in this process. */
export async function openEmbedded(options: EmbeddedOptions): Promise<WholeDoor> {
  const onFault = (error: unknown): void => process.emitWarning(asError(error), { code: 'BELAY_FAULT' })
  const telemetry = await openTelemetry({ onFault })
  const harness = await openHarness({
    judge: openJudge({ telemetry }),
    config: options.config,
    ...(options.data === undefined ? {} : { data: options.data }),
    ...(options.databaseUrl === undefined ? {} : { databaseUrl: options.databaseUrl }),
    ...(options.checks === undefined ? {} : { checks: options.checks }),
    onPolicyRejected: (faults) => {
      const first = faults[0]
      const where =
        first === undefined
          ? ''
          : `: ${first.file}:${first.line}:${first.column}: expected ${first.expected}, found ${first.found}`
      process.emitWarning(`The changed policy is not valid; the one before stays in force${where}`, {
        code: 'BELAY_POLICY',
      })
    },
    onPromptFaults: (faults) => {
      for (const { file, line, column, expected, found } of faults)
        process.emitWarning(
          `${file}:${line}:${column}: expected ${expected}, found ${found}; what the prompt said before stays`,
          { code: 'BELAY_PROMPT' },
        )
    },
    // Nobody reads `/metrics` here.
    ...(telemetry.exporting && { onMoved: telemetry.action }),
    onFault,
  }).catch(async (error: unknown) => {
    await telemetry.close()
    throw error
  })
  const { flow, store, prompts } = harness
  let browsers: ReturnType<typeof openBrowsers> | undefined
  const snippets = lazySnippetDesk({
    flow,
    policies: harness.policies,
    now: () => store.now(),
    data: harness.data,
    onFault,
  })
  const exports = await openExports(harness, onFault)

  async function factsOf(prompt: string | undefined, tags: Tags | undefined) {
    const named = prompt === undefined ? undefined : { prompt: await prompts.factsOf(prompt) }
    return withTags(named, tags && checkTags(tags, 'tags'))
  }

  async function actionOf(id: string): Promise<Action> {
    const action = await store.action(id)
    if (action === undefined) throw new BelayError('action:not_found', { id })
    return action
  }

  return {
    async propose(name, input, proposal, start) {
      const { prompt, tags, ...rest } = proposal
      const facts = await factsOf(prompt, tags)
      const admitted = await flow.propose(
        { ...proposalOf(name, input, rest), ...facts },
        { venue: 'belay', start },
      )
      return standingOf(admitted.action, admitted.input)
    },
    async get(id) {
      return standing(flow, await actionOf(id))
    },
    async wait(known, ms, signal) {
      const action = await actionOf(known.id)
      if (action.state.name !== known.state) return standing(flow, action)
      return standing(flow, await flow.waitForChange(action.id, action.version, ms, signal))
    },
    async start(id) {
      const admitted = await flow.start(id)
      return standingOf(admitted.action, admitted.input)
    },
    async report(id, name, outcome) {
      if (judgesResults(harness.policies, name))
        return (await reportJudged(harness, await actionOf(id), outcome)).judged
      await flow.report(id, outcome)
      return null
    },
    async cancel(id) {
      await flow.cancel(id, 'sdk')
    },
    async result(id) {
      return flow.result(await actionOf(id))
    },
    async undo(id) {
      return standing(flow, await flow.undo(id, 'sdk'))
    },
    prompts: {
      async get(name, which) {
        const { content, ...version } = await prompts.get(name, which)
        return templateOf({ ...version, ...content })
      },
      async render(name, { variables = {}, ...which } = {}) {
        return filled(templateOf(await prompts.render(name, which, variables)))
      },
    },
    register(name, { undo, current, reconcile }) {
      flow.undoers.register(name, {
        ...(undo === undefined ? {} : { undo }),
        ...(current === undefined ? {} : { current }),
        ...(reconcile === undefined ? {} : { reconcile }),
      })
      // What a crash left without an outcome is asked about now that somebody can tell.
      if (reconcile !== undefined)
        flow
          .reconcile(name)
          .catch((error: unknown) => process.emitWarning(asError(error), { code: 'BELAY_RECONCILE' }))
    },
    async snippet(snippet, { prompt, tags, ...by }) {
      const facts = await factsOf(prompt, tags)
      const desk = await snippets.desk()
      const proposal = { ...proposalOf(SNIPPET_ACTION, {}, by), ...facts }
      const { action, input, result } = await desk.run(snippetFrom(snippet), proposal)
      return { standing: standingOf(action, input), result }
    },
    browsers: () => (browsers ??= openBrowsers(harness, onFault)),
    async close() {
      await snippets.close()
      await (await browsers)?.closeAll()
      await exports?.close()
      await harness.close()
      await telemetry.close()
    },
  }
}

async function openBrowsers({ flow, store, policies, data }: Harness, onFault: (error: unknown) => void) {
  const { embeddedBrowsers } = await import('./embedded-browser.ts')
  return embeddedBrowsers({ flow, store, policies, data, onFault })
}

/** Loaded only where the policy exports something when it is opened. */
async function openExports(
  { store, policies, data }: Harness,
  onFault: (error: unknown) => void,
): Promise<Exports | undefined> {
  if (policies.current().exports.length === 0) return undefined
  const [{ Exports: Opened }, { VERSION }] = await Promise.all([
    import('../export/exports.ts'),
    import('../version.ts'),
  ])
  const exports = new Opened({
    store,
    rules: () => policies.current().exports,
    publicKey: createPublicKey(signingKey(data)),
    version: VERSION,
    note: (text) => process.emitWarning(text, { code: 'BELAY_EXPORT' }),
    onFault,
  })
  await exports.policyChanged()
  return exports
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

function proposalOf(
  action: string,
  input: JsonObject,
  options: ProposalOptions,
): Parameters<Flow['propose']>[0] {
  const { costUsd, ...rest } = options
  return { ...rest, action, input, ...(costUsd === undefined ? {} : { cost: nanoFromUsd(costUsd) }) }
}

async function standing(flow: Flow, action: Action): Promise<Standing> {
  return standingOf(action, (await flow.input(action)) ?? {})
}

function standingOf(action: Action, input: JsonObject): Standing {
  const { state } = action
  const approval = 'approval' in state ? state.approval : undefined
  return {
    id: action.id,
    decision: action.decision,
    effective: action.effective,
    reasons: action.reasons,
    state: state.name,
    input,
    approval: approval === undefined ? null : { id: approval.id, expiresAt: approval.expiresAt },
    limitMs: state.name === 'executing' ? state.deadline - state.startedAt : null,
  }
}
