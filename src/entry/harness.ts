import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isJsonObject } from '../action/json.ts'
import { BelayError } from '../errors/catalogue.ts'
import type { ApprovalChannel } from '../flow/approve/announcer.ts'
import type { AnomalyObserver } from '../flow/monitor/baselines/anomaly.ts'
import { openFlow, type OpenFlow } from '../flow/open-flow.ts'
import { Scoring, type OpenJudge, type ScoreObserver } from '../flow/quality/scoring.ts'
import { openFollowers, type Followers } from './followers.ts'
import type { WitnessState } from '../flow/audit/transparency/seek-witnesses.ts'
import type { Observer } from '../flow/stages.ts'
import { builtInChecks } from '../flow/verify/checks/index.ts'
import type { Check } from '../policy/check.ts'
import type { Policy, PolicyFault } from '../policy/policy.ts'
import { loadPolicy, pluginPaths } from '../policy/load-policy.ts'
import { watchPolicy } from '../policy/watch-policy.ts'
import type { Store } from '../storage/store.ts'
import { openLedgerLog, type LedgerLog } from './open-ledger-log.ts'
import { PromptFolder } from './prompts/prompt-folder.ts'
import { PromptRegistry } from './prompts/prompt-registry.ts'

export interface HarnessOptions {
  /** Path of `belay.yaml`; `null` for looking at what is stored: everything that is proposed is denied then. */
  readonly config: string | null
  /** Data folder of the embedded store; also where keys of the ledger lie. Default `.belay`. */
  readonly data?: string
  /** A PostgreSQL URL; without one the embedded SQLite store in the data folder is used. */
  readonly databaseUrl?: string
  /** Checks beside the built-in ones and the policy's `plugins:`. */
  readonly checks?: readonly Check[]
  /** Reload the policy when the file changes. Default true. */
  readonly watch?: boolean
  /** A changed policy was bad: the old one stays in force. */
  readonly onPolicyRejected?: (faults: readonly PolicyFault[]) => void
  readonly onPolicyChanged?: (policy: Policy) => void
  /** Files of prompts are bad: what they said before stays. Empty when they are good again. */
  readonly onPromptFaults?: (faults: readonly PolicyFault[]) => void
  /** A file made a new version: `name@version`. */
  readonly onPromptVersion?: (ref: string) => void
  /** Is told of every recorded step of every action; what it throws is a fault and changes no answer. */
  readonly onMoved?: Observer
  /** Is told of everything that an agent does unlike itself, once when it begins. */
  readonly onAnomaly?: AnomalyObserver
  /** Is told what judges made of actions, where the policy says `quality`. */
  readonly onScored?: ScoreObserver
  /** The way to judges; without one, what must be scored is refused. */
  readonly judge?: OpenJudge
  readonly onFault?: (error: unknown) => void
  /** A witness of the ledger refuses: somebody rewrote it, or set it back. */
  readonly onWitnessAlarm?: (state: WitnessState) => void
  /** Ways to reach people about approvals. */
  readonly channels?: readonly ApprovalChannel[]
}

/** Everything that a door needs, opened. Only this file chooses a store. */
export interface Harness {
  readonly flow: OpenFlow
  readonly store: Store
  readonly policies: { current(): Policy; loadedAt(): number }
  /** What policies may name in `verify:`: built in, given to `openHarness`, and of the policy's plugins. */
  readonly checks: readonly Check[]
  readonly prompts: PromptRegistry
  /** What is derived from the ledger: sessions, sums by the hour. */
  readonly followers: Followers
  /** The policy's `quality:`. */
  readonly scoring: Scoring
  /** The transparency logs of the ledger. */
  readonly ledgerLog: LedgerLog
  /** The folder for what belongs to this installation: keys, tokens. */
  readonly data: string
  close(): Promise<void>
}

/** A policy that could not be loaded, with every fault. */
class PolicyInvalid extends BelayError {
  readonly faults: readonly PolicyFault[]

  constructor(file: string, faults: readonly PolicyFault[]) {
    const first = faults[0]
    const where =
      first === undefined
        ? ''
        : `${first.file}:${first.line}:${first.column}: expected ${first.expected}, found ${first.found}`
    super('policy:invalid', { count: String(faults.length), file, first: where })
    this.faults = faults
  }
}

const DENY_EVERYTHING = { text: 'version: 1\n', path: null }

export async function openHarness(options: HarnessOptions): Promise<Harness> {
  const data = resolve(options.data ?? '.belay')
  const config = options.config === null ? null : resolve(options.config)
  const plugins = config === null ? [] : await loadPlugins(config)
  const checks = [...builtInChecks, ...(options.checks ?? []), ...plugins]
  const loaded = loadPolicy(config ?? DENY_EVERYTHING, { checks })
  const errors = loaded.faults.filter(({ severity }) => severity === 'error')
  if (loaded.policy === null) throw new PolicyInvalid(config ?? '', errors)

  mkdirSync(data, { recursive: true, mode: 0o700 })
  const store = await openStore(data, options.databaseUrl)
  try {
    return await assemble(options, { config, data, checks, policy: loaded.policy, store })
  } catch (error) {
    await store.close()
    throw error
  }
}

async function assemble(
  options: HarnessOptions,
  {
    config,
    data,
    checks,
    policy,
    store,
  }: { config: string | null; data: string; checks: readonly Check[]; policy: Policy; store: Store },
): Promise<Harness> {
  const listeners = new Set<() => void>()
  let current = policy
  let loadedAt = store.now()
  if (config !== null) await recordPolicy(store, policy)
  const prompts = new PromptRegistry(store)
  const promptFolder = new PromptFolder({
    registry: prompts,
    watch: options.watch !== false,
    onFaults: (faults) => options.onPromptFaults?.(faults),
    onVersion: (ref) => options.onPromptVersion?.(ref),
    onFault: (error) => options.onFault?.(error),
  })
  await promptFolder.follow(policy.prompts)
  const watcher =
    options.watch === false || config === null
      ? undefined
      : watchPolicy(config, {
          checks,
          onChange: (next) => {
            current = next
            loadedAt = store.now()
            recordPolicy(store, next).catch((error: unknown) => options.onFault?.(error))
            for (const listener of listeners) listener()
            void promptFolder.follow(next.prompts)
            options.onPolicyChanged?.(next)
          },
          onRejected: (faults) => options.onPolicyRejected?.(faults),
        })
  const policies = {
    current: () => current,
    loadedAt: () => loadedAt,
    onChange: (listener: () => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  const scoring = new Scoring({
    store,
    policies,
    flow: () => flow,
    // A command that works on the data folder leaves it to the next `belay up`.
    after: options.watch !== false,
    ...(options.judge && { judge: options.judge }),
    ...(options.onScored && { onScored: options.onScored }),
    onFault: (error) => options.onFault?.(error),
  })
  const flow: OpenFlow = await openFlow({
    store,
    policies,
    scorer: scoring,
    ...(options.onMoved && { onMoved: options.onMoved }),
    ...(options.onAnomaly && { onAnomaly: options.onAnomaly }),
    ...(options.onFault && { onFault: options.onFault }),
    ...(options.channels && { channels: options.channels }),
  })
  policies.onChange(() => scoring.policyChanged())
  scoring.policyChanged()
  const followers = openFollowers(store, policies, (error) => options.onFault?.(error))
  const ledgerLog = openLedgerLog({
    store,
    data,
    rule: () => current.ledger,
    ...(options.onWitnessAlarm && { onAlarm: options.onWitnessAlarm }),
    onFault: (error) => options.onFault?.(error),
  })
  return {
    flow,
    store,
    policies,
    checks,
    prompts,
    data,
    followers,
    scoring,
    ledgerLog,
    async close() {
      watcher?.close()
      await promptFolder.close()
      await scoring.close()
      await flow.close()
      await followers.close()
      await ledgerLog.close()
      await store.close()
    },
  }
}

async function openStore(folder: string, databaseUrl: string | undefined): Promise<Store> {
  const { masterKeyOf } = await import('../storage/sealing/master-key.ts')
  const masterKey = masterKeyOf(folder)
  if (databaseUrl !== undefined) {
    const { openPostgres } = await import('../storage/postgres/open-postgres.ts')
    return openPostgres({ url: databaseUrl, masterKey })
  }
  const { openSqlite } = await import('../storage/sqlite/open-sqlite.ts')
  return openSqlite({ folder, masterKey })
}

/** Which policy judged from when on: a record in the ledger. */
async function recordPolicy(store: Store, policy: Policy): Promise<void> {
  const body = { policy_version: policy.digest, mode: policy.mode, path: policy.path }
  await store.commit({ records: [{ kind: 'policy', at: store.now(), action: null, agent: null, body }] })
}

/** Modules named in the policy's `plugins:`; each exports `checks: Check[]` or one check as its default. */
export async function loadPlugins(config: string): Promise<readonly Check[]> {
  const checks: Check[] = []
  for (const path of pluginPaths(readIfThere(config))) {
    const file = resolve(dirname(config), path)
    let module: Record<string, unknown>
    try {
      module = (await import(pathToFileURL(file).href)) as Record<string, unknown>
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error)
      throw new BelayError('policy:invalid', {
        count: '1',
        file: config,
        first: `the plugin ${path} could not be loaded: ${cause}`,
      })
    }
    const found = (Array.isArray(module['checks']) ? module['checks'] : [module['default']]) as unknown[]
    for (const check of found) {
      if (!isCheck(check)) {
        const first = `the plugin ${path} must export \`checks\`, a list of {name, options, prepare}, or one such check as default`
        throw new BelayError('policy:invalid', { count: '1', file: config, first })
      }
      checks.push(check)
    }
  }
  return checks
}

/** A file that cannot be read is a fault of the policy, which says so with its place. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function isCheck(value: unknown): value is Check {
  if (typeof value !== 'object' || value === null) return false
  const { name, options, prepare } = value as Record<string, unknown>
  return typeof name === 'string' && isJsonObject(options) && typeof prepare === 'function'
}
