import { resolve } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { closeInheritedDescriptors } from '../../flow/contain/sandbox/bubblewrap/descriptors.ts'
import { BubblewrapProvider } from '../../flow/contain/sandbox/bubblewrap/bubblewrap.ts'
import { probeSandbox } from '../../flow/contain/sandbox/probes/probe.ts'
import { CAPABILITIES } from '../../flow/contain/sandbox/provider.ts'
import type { SandboxProvider } from '../../flow/contain/sandbox/provider.ts'
import { ENGINES } from '../../flow/contain/sandbox/docker/container-engine.ts'
import type { EngineName } from '../../flow/contain/sandbox/docker/container-engine.ts'
import { containers } from '../sandboxes.ts'
import { withJson } from './options.ts'
import type { PrintOptions } from './options.ts'
import { json, line, note, table } from './print.ts'

interface DoctorOptions extends PrintOptions {
  readonly data: string
  readonly provider: 'bubblewrap' | EngineName
  readonly image?: string
}

export function addDoctor(program: Command): void {
  withJson(
    program
      .command('doctor')
      .description('what sandboxes hold on this machine, found by trying to escape from some')
      .option('--data <folder>', 'the data folder', '.belay')
      .addOption(
        new Option('--provider <name>', 'whose sandboxes')
          .choices(['bubblewrap', ...ENGINES])
          .default('bubblewrap'),
      )
      .option('--image <name>', 'of podman’s or docker’s containers (default: BELAY_SANDBOX_IMAGE)'),
  ).action(doctor)
}

async function doctor(options: DoctorOptions): Promise<void> {
  closeInheritedDescriptors()
  const { provider } = options
  const data = resolve(options.data)
  const sandboxes: SandboxProvider =
    provider === 'bubblewrap'
      ? new BubblewrapProvider({ data, probe: (one) => probeSandbox(one) })
      : await containers(
          provider,
          options.image ?? null,
          { data },
          () => (one) => probeSandbox(one, { inside: 'shell' }),
        )
  const capabilities = await sandboxes.probe()
  const { proofs } = capabilities
  // Exit code 1: an agent with the default limits would not be started here.
  const wanting = CAPABILITIES.filter((name) => !proofs[name].proven)
  if (wanting.some((name) => name !== 'disk' && name !== 'cpu')) process.exitCode = 1
  if (options.json === true) return json(capabilities)
  table(
    ['PROPERTY', 'HOLDS', 'WHAT WAS FOUND'],
    CAPABILITIES.map((name) => {
      const { proven, detail } = proofs[name]
      return [
        name,
        proven ? { text: 'yes', colour: 'green' as const } : { text: 'no', colour: 'red' as const },
        detail,
      ]
    }),
  )
  line()
  line(`provider ${capabilities.provider}, kernel ${capabilities.kernel}`)
  for (const fix of new Set(wanting.map((name) => proofs[name].fix)))
    if (fix !== null)
      note(`belay: for ${wanting.filter((name) => proofs[name].fix === fix).join(', ')}: ${fix}`)
}
