import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Check } from '../../policy/check.ts'
import type { PolicyFault } from '../../policy/policy.ts'
import { escapeText } from './escape.ts'
import { faultLines } from './failure.ts'
import { requireConfig } from './harness-config.ts'
import { withJson } from './options.ts'
import type { PrintOptions } from './options.ts'
import { addPolicyBacktest } from './policy-backtest.ts'
import { addPolicyDiff } from './policy-diff.ts'
import { addPolicyPreview } from './policy-preview.ts'
import { json, line } from './print.ts'

export function addPolicy(program: Command): void {
  const policy = program.command('policy').description('belay.yaml: what agents may do')
  withJson(
    policy.command('lint').argument('[file]').description('check a policy; faults as file:line:column'),
  )
    .option('--config <file>', 'the policy, when no file is named', 'belay.yaml')
    .action(lint)
  addPolicyDiff(policy)
  addPolicyBacktest(policy)
  addPolicyPreview(policy)
  policy.command('schema').description('the JSON Schema of belay.yaml, for editors').action(schema)
}

async function lint(
  file: string | undefined,
  options: PrintOptions & { readonly config: string },
): Promise<void> {
  const path = file ?? options.config
  requireConfig(path)
  const { loadPlugins } = await import('../harness.ts')
  const { builtInChecks } = await import('../../flow/verify/checks/index.ts')
  const { lintPolicy } = await import('../../policy/lint-policy.ts')
  const checks = [...builtInChecks, ...(await loadPlugins(path))]
  const faults = [...lintPolicy(path, { checks })]
  faults.push(...(await promptFaults(path, checks)))
  if (faults.length > 0) process.exitCode = 1
  if (options.json === true) return json({ file: path, faults })
  for (const text of faultLines(faults)) line(text)
  if (faults.length === 0) line(`${escapeText(path)} is valid`)
}

/** Of the files in the folder that `prompts:` names. */
async function promptFaults(path: string, checks: readonly Check[]): Promise<readonly PolicyFault[]> {
  const { loadPolicy } = await import('../../policy/load-policy.ts')
  const folder = loadPolicy(path, { checks }).policy?.prompts ?? null
  if (folder === null) return []
  const { readPromptFolder } = await import('../prompts/read-prompt-folder.ts')
  return readPromptFolder(folder).faults
}

function schema(): void {
  line(readFileSync(new URL('../../policy/belay.schema.json', import.meta.url), 'utf8').trimEnd())
}
