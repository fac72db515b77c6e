import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Capabilities, SandboxProvider } from '../provider.ts'
import { findProgram } from '../bubblewrap/programs.ts'
import { probeSandbox } from './probe.ts'
import type { ProbeOptions } from './probe.ts'

const running = new Map<string, Promise<Capabilities>>()

/**
 * Proofs of a provider, tried once a boot and remembered in the data folder, which nobody but the harness's user can
 * write. Another user, kernel, boot, bubblewrap or `of` (the provider's own choices, such as an image) is tried anew,
 * and so is what was not proven.
 */
export function rememberedProofs(
  data: string | undefined,
  { of = '', ...options }: ProbeOptions & { readonly of?: string } = {},
): (provider: SandboxProvider) => Promise<Capabilities> {
  return (provider) => {
    const now = `${conditions()} ${of}`
    const key = `${data ?? ''} ${provider.name} ${now}`
    const known = running.get(key)
    if (known !== undefined) return known
    const proofs = (async () => {
      const file = data === undefined ? undefined : join(data, `proofs-${provider.name}.json`)
      const before = file === undefined ? undefined : read(file)
      if (before !== undefined && before.conditions === now && allProven(before.capabilities))
        return before.capabilities
      const capabilities = await probeSandbox(provider, options)
      if (file !== undefined && data !== undefined) write(data, file, { conditions: now, capabilities })
      return capabilities
    })()
    running.set(key, proofs)
    // What failed may be mended while this process runs.
    proofs.then(
      (capabilities) => !allProven(capabilities) && setTimeout(() => running.delete(key), 5000).unref(),
      () => running.delete(key),
    )
    return proofs
  }
}

function allProven({ proofs }: Capabilities): boolean {
  return Object.values(proofs).every(({ proven }) => proven)
}

function conditions(): string {
  const bwrap = findProgram('bwrap')
  return [
    readText('/proc/sys/kernel/random/boot_id'),
    readText('/proc/sys/kernel/osrelease'),
    readText('/proc/self/cgroup').replace(/\d+\.\d+\.[^\n]*/g, ''),
    String(process.getuid?.()),
    process.version,
    bwrap === undefined ? '' : String(statSync(bwrap).mtimeMs),
  ].join(' ')
}

function read(file: string): { conditions: string; capabilities: Capabilities } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { conditions: string; capabilities: Capabilities }
  } catch {
    return undefined
  }
}

function write(data: string, file: string, proofs: { conditions: string; capabilities: Capabilities }): void {
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, JSON.stringify(proofs), { mode: 0o600 })
  renameSync(draft, file)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
