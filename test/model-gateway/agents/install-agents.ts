import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const HERE = import.meta.dirname
const CACHE = join(HERE, '../../../node_modules/.cache/belay-agents')

/**
 * Installs the agents of `package.json` beside this file, exactly as its lock has them, and answers the path of their
 * `node_modules`. They lie in a cache of their own: a contributor who doesn't run these tests never loads them.
 */
export async function installAgents(): Promise<string> {
  const lock = await readFile(join(HERE, 'package-lock.json'))
  const folder = join(CACHE, createHash('sha256').update(lock).digest('hex').slice(0, 16))
  if (existsSync(folder)) return join(folder, 'node_modules')
  // Whole or not at all: an install that broke off must not look like one.
  const fresh = `${folder}.${process.pid}`
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) await cp(join(HERE, file), join(fresh, file))
  const npm = process.env['npm_execpath']
  const [program, args] = npm?.endsWith('.js') === true ? [process.execPath, [npm]] : ['npm', []]
  await promisify(execFile)(
    program,
    [...args, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'],
    { cwd: fresh, maxBuffer: 16 * 1024 * 1024 },
  )
  await rename(fresh, folder)
  return join(folder, 'node_modules')
}
