import { installPrograms } from './system-programs.ts'

/** What sandboxes are made with; Debian's packages are installed when they are missing. */
export async function findSandboxPrograms(): Promise<void> {
  await installPrograms('bubblewrap', 'iproute2').catch((error: unknown) => {
    throw new Error('The tests of sandboxes need them: apt-get install bubblewrap iproute2', { cause: error })
  })
}
