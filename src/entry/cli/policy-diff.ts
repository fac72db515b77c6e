import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { sha256 } from '../../action/digest.ts'
import type { JsonValue } from '../../action/json.ts'
import type { PolicyChange } from '../../policy/diff-policies.ts'
import type { Policy } from '../../policy/policy.ts'
import { escapeJson, escapeText } from './escape.ts'
import { CommandFailure, faultLines } from './failure.ts'
import { requireConfig } from './harness-config.ts'
import { withJson } from './options.ts'
import type { PrintOptions } from './options.ts'
import { json, line, note, paint } from './print.ts'

const MAX_VALUE_LENGTH = 200
const SIGNS = { added: '+', removed: '-', changed: '~' } as const
const COLOURS = { added: 'green', removed: 'red', changed: 'cyan' } as const

export function addPolicyDiff(policy: Command): void {
  withJson(
    policy
      .command('diff')
      .argument('<before>', 'a policy')
      .argument('<after>', 'another')
      .description('what changes in meaning from one policy to another; exits 1 when something does'),
  ).action(diff)
}

async function diff(before: string, after: string, options: PrintOptions): Promise<void> {
  const { diffPolicies } = await import('../../policy/diff-policies.ts')
  const [a, b] = [await load(before), await load(after)]
  const changes: PolicyChange[] = [...diffPolicies(a.policy, b.policy)]
  // The files lie beside each policy: the same name may hold something else.
  if (a.files !== b.files)
    changes.push({ where: 'contents of the files that checks name', kind: 'changed', direction: null })
  if (changes.length > 0) process.exitCode = 1
  if (options.json === true) {
    return json({ before: described(before, a.policy), after: described(after, b.policy), changes })
  }
  if (changes.length === 0) return line('no difference in meaning')
  for (const change of changes) print(change)
  const count = (direction: string): number =>
    changes.filter((change) => change.direction === direction).length
  line(
    `${changes.length} ${changes.length === 1 ? 'difference' : 'differences'}: ${count('looser')} looser, ${count('stricter')} stricter`,
  )
}

function print({ kind, where, before, after, direction, otherwise }: PolicyChange): void {
  const remark = direction === null ? '' : `  ${paint(direction === 'looser' ? 'yellow' : 'dim', direction)}`
  const instead = otherwise === undefined ? '' : ` (without it ${escapeText(otherwise)})`
  line(`${paint(COLOURS[kind], `${SIGNS[kind]} ${escapeText(where)}`)}${instead}${remark}`)
  if (before !== undefined && after !== undefined && isShort(before) && isShort(after))
    return line(`    ${shown(before)} → ${shown(after)}`)
  if (before !== undefined) line(`    - ${shown(before)}`)
  if (after !== undefined) line(`    + ${shown(after)}`)
}

function isShort(value: JsonValue): boolean {
  return typeof value !== 'object' && shown(value).length <= 40
}

function shown(value: JsonValue): string {
  const text = typeof value === 'string' ? escapeText(value) : escapeJson(value, 0)
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text
}

function described(file: string, { digest, mode }: Policy): Record<string, string> {
  return { file, digest, mode }
}

interface Loaded {
  readonly policy: Policy
  /** Digests of the contents of the files that checks name. */
  readonly files: string
}

async function load(path: string): Promise<Loaded> {
  requireConfig(path)
  const { loadPlugins } = await import('../harness.ts')
  const { builtInChecks } = await import('../../flow/verify/checks/index.ts')
  const { loadDetailed } = await import('../../policy/load-policy.ts')
  const { policy, faults, files } = loadDetailed(path, [...builtInChecks, ...(await loadPlugins(path))])
  if (policy === null) {
    for (const text of faultLines(faults)) note(text)
    throw new CommandFailure(`${path} is not a valid policy.`)
  }
  const contents = files.map((file) => sha256(readFileSync(file, 'utf8')))
  return { policy, files: contents.toSorted().join(' ') }
}
