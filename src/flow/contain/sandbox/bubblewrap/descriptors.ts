import { closeSync, readdirSync, readFileSync } from 'node:fs'

const O_CLOEXEC = 0o2000000

/** Descriptors from 3 on that a program started from here would inherit. Linux only. */
export function inheritableDescriptors(): number[] {
  return readdirSync('/proc/self/fdinfo')
    .map(Number)
    .filter((descriptor) => descriptor > 2 && survivesExec(descriptor))
}

function survivesExec(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1]
    return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0
  } catch {
    // The descriptor of the listing itself is gone by now.
    return false
  }
}

/**
 * Closes what this process was started with beside its standard streams: whoever started it may have left files or
 * sockets open, and each would be open in every sandbox too. To be called first of all, before anything of one's own
 * could be among them.
 */
export function closeInheritedDescriptors(): void {
  if (process.platform !== 'linux') return
  for (const descriptor of inheritableDescriptors()) {
    try {
      closeSync(descriptor)
    } catch {
      // Closed meanwhile.
    }
  }
}
