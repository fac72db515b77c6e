import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, copyFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

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
  const missing = [
    ['/usr/bin/podman', 'podman'],
    ['/usr/sbin/runc', 'runc'],
    [BUSYBOX, 'busybox-static'],
  ].filter(([path]) => !existsSync(path!))
  if (missing.length > 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const names = missing.map(([, name]) => name!)
    try {
      await run('apt-get', ['update'], { env })
      await run('apt-get', ['install', '--yes', '--no-install-recommends', ...names], { env })
    } catch (error) {
      throw new Error(`The tests of the container provider need ${names.join(', ')}.`, { cause: error })
    }
  }
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
