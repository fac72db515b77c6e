// oxlint-disable unicorn/no-thenable -- `then` is a word of belay.yaml; nothing here is awaited
import { readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import { digestOf, sha256 } from '../action/digest.ts'
import { parseDecision } from '../action/decision.ts'
import type { BudgetWindow } from '../action/budget-window.ts'
import { nanoFromUsd } from '../action/money.ts'
import type { Check } from './check.ts'
import { compileAction, historyNeeds } from './compile-action.ts'
import type { ActionEntry } from './compile-action.ts'
import type { Compilation, Report } from './compilation.ts'
import { compileAnomaly, compileNovelty } from './compile-anomaly.ts'
import type { AnomalyEntry, NoveltyEntry } from './compile-anomaly.ts'
import { compileApprovers } from './compile-approval.ts'
import type { GroupEntry } from './compile-approval.ts'
import { withRequests } from './admit-request.ts'
import { compileRun, RUN_ENTRY } from './compile-sandbox.ts'
import type { RunEntry } from './compile-sandbox.ts'
import { compileEgress, compileSecrets, withoutSecrets } from './compile-egress.ts'
import type { EgressEntry, SecretEntries } from './compile-egress.ts'
import { compileExports, withoutExportSecrets } from './compile-export.ts'
import type { ExportEntry } from './compile-export.ts'
import { compileMcp, PIN_ENTRY, withoutMcpSecrets } from './compile-mcp.ts'
import type { McpEntry } from './compile-mcp.ts'
import { compileBrowsers, withoutBrowserSecrets } from './compile-browser.ts'
import type { BrowserEntry } from './compile-browser.ts'
import { compileDowngrade } from './compile-heal.ts'
import type { DowngradeEntry } from './compile-heal.ts'
import { compileLedger } from './compile-ledger.ts'
import type { LedgerEntry } from './compile-ledger.ts'
import { compilePeople } from './compile-people.ts'
import type { PeopleEntry } from './compile-people.ts'
import { compileQuality, shippedRubrics, withJudge } from './compile-quality.ts'
import type { QualityEntry } from './compile-quality.ts'
import { compileRecord, compileReplay } from './compile-record.ts'
import type { RecordEntry, ReplayEntry } from './compile-record.ts'
import { compileProviders, withoutKeys } from './compile-providers.ts'
import type { ProviderEntry } from './compile-providers.ts'
import { VENDOR_PROTOCOLS } from './known-vendors.ts'
import { parseDuration } from './duration.ts'
import { globLookup } from './glob.ts'
import type { AgentRule, BreakerRule, ConcurrencyRule, Limits, Policy, PolicyFault } from './policy.ts'
import { compileNotify, withoutNotifySecrets } from './notify.ts'
import type { NotifyEntry } from './notify.ts'
import { schemaFaults } from './schema-faults.ts'
import { readYaml } from './yaml-document.ts'
import type { DocumentPath, YamlDocument } from './yaml-document.ts'

/** Bytes of one file that a check names. */
const MAX_LIST_BYTES = 5_000_000
/** Characters that a text that somebody sent may make checks read, each time that it names a file counted. */
const MAX_CONFINED = 1_000_000

/** The text of a policy; `path` says where the files it names lie, and appears in faults. */
export interface PolicyText {
  readonly text: string
  readonly path: string | null
  /** Whether it may name files of its own folder alone, also not by a link: for texts that somebody sent. */
  readonly confined?: boolean
}

export interface PolicyLoad {
  /** `null` if and only if some fault is an error. */
  readonly policy: Policy | null
  readonly faults: readonly PolicyFault[]
}

/** A load with what lint and watch need beside the policy. */
export interface DetailedLoad extends PolicyLoad {
  readonly document: YamlDocument | null
  readonly expressions: Compilation['expressions']
  /** Absolute paths of the files that the policy names. */
  readonly files: readonly string[]
}

/** Reads, validates and compiles a policy. Never throws for what the file holds: every fault is in `faults`. */
export function loadPolicy(
  source: string | PolicyText,
  { checks }: { readonly checks: readonly Check[] },
): PolicyLoad {
  const { policy, faults } = loadDetailed(source, checks)
  return { policy, faults }
}

/** The modules that `plugins:` names, as written; they are loaded before the policy. Empty for a bad file. */
export function pluginPaths(text: string): readonly string[] {
  const plugins = readYaml(text, '').document?.content['plugins']
  return Array.isArray(plugins) ? plugins.filter((path): path is string => typeof path === 'string') : []
}

export function loadDetailed(source: string | PolicyText, checks: readonly Check[]): DetailedLoad {
  const path = typeof source === 'string' ? source : source.path
  const file = path ?? 'belay.yaml'
  const nothing = { policy: null, document: null, expressions: [], files: [] }
  let text: string
  try {
    text = typeof source === 'string' ? readText(source, 10_000_000) : source.text
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error)
    const at = { file, line: 1, column: 1 }
    return {
      ...nothing,
      faults: [{ severity: 'error', code: 'policy:unreadable', ...at, expected: 'a readable file', found }],
    }
  }
  const { document, faults: yamlFaults } = readYaml(text, file)
  if (document === null) return { ...nothing, faults: yamlFaults }
  const invalid = schemaFaults(document, file, checks)
  if (invalid.length > 0) return { ...nothing, document, faults: invalid }
  return compilePolicy(document, path, file, checks, typeof source !== 'string' && source.confined === true)
}

function compilePolicy(
  document: YamlDocument,
  path: string | null,
  file: string,
  checks: readonly Check[],
  confined: boolean,
): DetailedLoad {
  const faults: PolicyFault[] = []
  const report: Report = (at, code, expected, found, offset) => {
    const position = offset === undefined ? document.position(at) : document.positionInText(at, offset)
    faults.push({
      severity: 'error',
      code,
      file,
      ...position,
      expected: `${at.join('.')}: ${expected}`,
      found,
    })
  }
  // The schema was held against it: the shapes below are what it says.
  const content = document.content as unknown as PolicyDocument
  const named = new Map<string, string>()
  let confinedRead = 0
  const lists = frozenLists(content.lists ?? {})
  const approvers = compileApprovers(content.approvers ?? {})
  const folder = dirname(resolve(path ?? 'belay.yaml'))
  const readNamed = (name: string): string => {
    if (confined) refuseOutside(folder, name)
    const read = readText(resolve(folder, name), MAX_LIST_BYTES)
    confinedRead += read.length
    if (confined && confinedRead > MAX_CONFINED)
      throw new Error(`the files that it names have more than ${MAX_CONFINED} characters together`)
    named.set(name, read)
    return read
  }
  const compilation: Compilation = {
    checks: new Map(checks.map((check) => [check.name, check])),
    setup: {
      lists,
      readLines: (name) => linesOf(readNamed(name)),
    },
    lists,
    approvers,
    providers: new Set([...Object.keys(VENDOR_PROTOCOLS), ...Object.keys(content.providers ?? {})]),
    report,
    expressions: [],
  }
  const providers = compileProviders(content.providers ?? {}, report)
  const people = compilePeople(content.people ?? {}, report)
  const ledger = compileLedger(content.ledger ?? {}, report)
  const mcp = compileMcp(content.mcp ?? {}, report)
  const browsers = compileBrowsers(content.browsers ?? {}, report)
  const exports = compileExports(content.export ?? {}, report, (name) => resolve(folder, name))
  const notify = compileNotify(content.notify ?? {}, report)
  const secrets = compileSecrets(content.secrets ?? {}, content.agents ?? {}, report)
  const actionRules = Object.entries(content.actions ?? {}).map(([pattern, entry]) =>
    Object.freeze(compileAction(pattern, entry ?? {}, compilation)),
  )
  // What a policy does not say about pins is no reason to let a changed tool pass, whatever its globs say.
  const builtIn = [PIN_ENTRY, RUN_ENTRY]
    .filter(({ pattern }) => !Object.hasOwn(content.actions ?? {}, pattern))
    .map(({ pattern, entry }) => Object.freeze(compileAction(pattern, entry, compilation)))
  const agentRules = Object.entries(withJudge(content.agents ?? {}, content.quality)).map(
    ([pattern, entry]) =>
      compileAgent(
        pattern,
        entry ?? {},
        ['agents', pattern],
        report,
        (name) => resolve(folder, name),
        compilation.providers,
      ),
  )
  const quality = compileQuality(content.quality, compilation, {
    own: readNamed,
    shipped: (name) => readText(name, MAX_LIST_BYTES),
    faulty: (found) => faults.push(...found),
  })
  const { expressions } = compilation
  const files = [...named.keys()].map((name) => resolve(folder, name))
  if (faults.length > 0) return { policy: null, faults, document, expressions, files }

  const history = historyNeeds(expressions.flatMap(({ expression }) => expression.history))
  const contents = Object.fromEntries([...named].map(([name, read]) => [name, sha256(read)]))
  const policy: Policy = Object.freeze({
    digest: digestOf({ document: document.content, files: contents, ...shippedRubrics(quality) }),
    path,
    mode: content.mode ?? 'enforce',
    defaultDecision: parseDecision(content.defaults?.decision ?? 'deny') ?? 'deny',
    overall: limitsOf(content),
    agent: globLookup(agentRules),
    action: withRequests(globLookup([...actionRules, ...builtIn])),
    actionRules,
    agentRules,
    lists,
    approvers,
    measures: history.measures,
    historyWindow: history.window,
    providers,
    people,
    ledger,
    mcp,
    browsers,
    notify,
    secrets,
    exports,
    quality,
    prompts: content.prompts === undefined ? null : resolve(folder, content.prompts),
    record: compileRecord(content.record ?? {}),
    replay: compileReplay(content.replay ?? {}),
    document: deepFrozen(
      withoutExportSecrets(
        withoutNotifySecrets(
          withoutMcpSecrets(withoutBrowserSecrets(withoutKeys(withoutSecrets(document.content)))),
        ),
      ),
    ),
  })
  return { policy, faults, document, expressions, files }
}

interface LimitsEntry {
  readonly budget?: readonly {
    readonly limit_usd: number
    readonly per: 'action' | BudgetWindow
    readonly then?: 'pause'
  }[]
  readonly rate?: readonly { readonly limit: number; readonly per: BudgetWindow }[]
}

interface AgentEntry extends LimitsEntry, RunEntry {
  readonly breaker?: {
    readonly error_rate?: number
    readonly over?: number
    readonly spend?: { readonly limit_usd: number; readonly within: string }
    readonly then?: 'pause' | 'stop'
    readonly cooldown?: string
    readonly probes?: number
  }
  readonly anomaly?: AnomalyEntry
  readonly novelty?: NoveltyEntry
  readonly concurrency?: { readonly limit?: number; readonly queue?: number; readonly wait?: string }
  readonly egress?: readonly EgressEntry[]
  readonly downgrade?: DowngradeEntry
}

interface PolicyDocument extends LimitsEntry {
  readonly mode?: Policy['mode']
  readonly defaults?: { readonly decision?: string }
  readonly agents?: Readonly<Record<string, AgentEntry | null>>
  readonly actions?: Readonly<Record<string, ActionEntry | null>>
  readonly lists?: Readonly<Record<string, readonly string[]>>
  readonly approvers?: Readonly<Record<string, GroupEntry>>
  readonly providers?: Readonly<Record<string, ProviderEntry | null>>
  readonly people?: PeopleEntry
  readonly ledger?: LedgerEntry
  readonly mcp?: McpEntry
  readonly browsers?: Readonly<Record<string, BrowserEntry>>
  readonly notify?: NotifyEntry
  readonly secrets?: SecretEntries
  readonly prompts?: string
  readonly export?: Readonly<Record<string, ExportEntry>>
  readonly record?: RecordEntry
  readonly replay?: ReplayEntry
  readonly quality?: QualityEntry
}

function limitsOf({ budget = [], rate = [] }: LimitsEntry): Limits {
  return {
    budgets: budget.map(({ limit_usd, per, then }) => ({
      limit: nanoFromUsd(limit_usd, 'limit_usd'),
      per,
      ...(then && { then }),
    })),
    rates: rate.map(({ limit, per }) => ({ limit, per })),
  }
}

function compileAgent(
  pattern: string,
  entry: AgentEntry,
  path: DocumentPath,
  report: Report,
  absolute: (name: string) => string,
  providers: Compilation['providers'],
): AgentRule {
  const { breaker } = entry
  if (breaker !== undefined && breaker.error_rate === undefined && breaker.spend === undefined)
    report(
      [...path, 'breaker'],
      'policy:breaker',
      'error_rate or spend: without either it never opens',
      'neither',
    )
  return Object.freeze({
    pattern,
    ...limitsOf(entry),
    breaker: breaker === undefined ? null : breakerOf(breaker),
    anomaly: entry.anomaly === undefined ? null : compileAnomaly(entry.anomaly, [...path, 'anomaly'], report),
    novelty: entry.novelty === undefined ? null : compileNovelty(entry.novelty),
    ...(entry.downgrade && {
      downgrade: compileDowngrade(entry.downgrade, [...path, 'downgrade'], { providers, report }),
    }),
    concurrency: entry.concurrency === undefined ? null : concurrencyOf(entry.concurrency),
    egress: compileEgress(entry.egress, [...path, 'egress'], report),
    run: compileRun(entry, path, report, absolute),
  })
}

function breakerOf(breaker: NonNullable<AgentEntry['breaker']>): BreakerRule {
  const { spend } = breaker
  return {
    errorRate: breaker.error_rate ?? null,
    over: breaker.over ?? 100,
    spend:
      spend === undefined
        ? null
        : { limit: nanoFromUsd(spend.limit_usd, 'limit_usd'), within: parseDuration(spend.within) ?? 0 },
    then: breaker.then ?? 'pause',
    cooldown: parseDuration(breaker.cooldown) ?? null,
    probes: breaker.probes ?? 1,
  }
}

function concurrencyOf({
  limit = 16,
  queue = 64,
  wait,
}: NonNullable<AgentEntry['concurrency']>): ConcurrencyRule {
  return { limit, queue, wait: parseDuration(wait) ?? 30_000 }
}

function deepFrozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFrozen)
  }
  return value
}

function frozenLists(lists: Readonly<Record<string, readonly string[]>>): Policy['lists'] {
  return Object.freeze(
    Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, Object.freeze([...list])])),
  )
}

function linesOf(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}

function refuseOutside(folder: string, name: string): void {
  const place = relative(realpathSync(folder), realpathSync(resolve(folder, name)))
  if (place.startsWith('..') || isAbsolute(place)) throw new Error(`${name} does not lie beside the policy`)
}

function readText(path: string, maxBytes: number): string {
  const stat = statSync(path)
  if (!stat.isFile()) throw new Error(`${path} is not a file`)
  if (stat.size > maxBytes) throw new Error(`${path} has ${stat.size} bytes; at most ${maxBytes}`)
  return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
}
