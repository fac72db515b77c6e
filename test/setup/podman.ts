import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, copyFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installPrograms } from './system-programs.ts'

const run = promisify(execFile)
const BUSYBOX = '/bin/busybox'
const BINARIES = [
  'sh',
  'cat',
  'cut',
  'dd',
  'echo',
  'env',
  'grep',
  'head',
  'id',
  'ls',
  'mount',
  'nc',
  'nslookup',
]
const MORE = [
  'ping',
  'ps',
  'pwd',
  'sleep',
  'timeout',
  'touch',
  'true',
  'unshare',
  'wget',
  'yes',
  'kill',
  'seq',
  'wc',
]

/** Podman as Debian packages it, with an image that is made here: a registry is not asked. */
export async function podmanImage(): Promise<{ readonly image: string; readonly runtime: string }> {
  await installPrograms('podman', 'runc', 'busybox-static').catch((error: unknown) => {
    throw new Error('The tests of the container provider need podman, runc, busybox-static.', {
      cause: error,
    })
  })
  const image = 'belay-test-busybox:1'
  const known = await run('podman', ['image', 'exists', image]).then(
    () => true,
    () => false,
  )
  if (!known) await importImage(image)
  return { image, runtime: 'runc' }
}

async function importImage(image: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'belay-image-'))
  try {
    const root = join(folder, 'root')
    for (const name of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'run', 'workspace', 'home/agent'])
      mkdirSync(join(root, name), { recursive: true })
    copyFileSync(BUSYBOX, join(root, 'bin/busybox'))
    for (const name of [...BINARIES, ...MORE]) symlinkSync('busybox', join(root, 'bin', name))
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n')
    await run('tar', ['-C', root, '-cf', join(folder, 'root.tar'), '.'])
    await run('podman', ['import', join(folder, 'root.tar'), image])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
