// Prepares a part of SecBench.js for recall.ts: so many packages of each class, drawn by a hash of their names, with the
// fixed version where the set names one.
//   node bench/check/secbench.ts CHECKOUT_OF_SECBENCH FOLDER [COUNT]
// Packages come from npm as they were published; nothing of them is run. A case whose sink lies in no file of its package
// is left out.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

const CLASSES = {
  'code-injection': 'CWE-94',
  'command-injection': 'CWE-78',
  'path-traversal': 'CWE-22',
  'prototype-pollution': 'CWE-1321',
  redos: 'CWE-1333',
}

interface Entry {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly sink?: string
  readonly fixedVersion?: string
}

const [checkout, out, count = '10'] = process.argv.slice(2)
if (checkout === undefined || out === undefined) throw new Error('which checkout, and where to?')
const digest = (name: string): Buffer => createHash('sha256').update(name).digest()

/** Unpacks one version; false where npm no longer has it. */
function unpack(out: string, name: string, version: string, into: string): boolean {
  if (existsSync(into)) return true
  mkdirSync(join(into, '..'), { recursive: true })
  const folder = mkdtempSync(join(out, 'unpack-'))
  try {
    execFileSync('npm', ['pack', '--silent', '--ignore-scripts', `${name}@${version}`], {
      cwd: folder,
      stdio: 'ignore',
    })
    const archive = readdirSync(folder)[0] as string
    execFileSync('tar', ['-xzf', archive], { cwd: folder, stdio: 'ignore' })
    rmSync(join(folder, archive))
    renameSync(join(folder, readdirSync(folder)[0] as string), into)
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The one file of a package whose path ends like this. */
function fileOf(folder: string, end: string): string | null {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (path) => (path === end || path.endsWith(`/${end}`)) && !path.includes('node_modules'),
  )
  return found.includes(end) ? end : found.length === 1 ? (found[0] as string) : null
}

mkdirSync(out, { recursive: true })
const cases: object[] = []
for (const [kind, cwe] of Object.entries(CLASSES)) {
  const names = readdirSync(join(checkout, kind))
    .filter((name) => existsSync(join(checkout, kind, name, 'package.json')))
    .toSorted((a, b) => digest(a).compare(digest(b)))
  let taken = 0
  for (const name of names) {
    if (taken === Number(count)) break
    const entry = JSON.parse(readFileSync(join(checkout, kind, name, 'package.json'), 'utf8')) as Entry
    const [library, version] = Object.entries(entry.dependencies ?? {})[0] ?? ['', '']
    const [, end, line] = /^(?:\.\/)?([^:\s]+\.\w+):(\d+)/.exec(entry.sink ?? '') ?? []
    if (end === undefined || !/^\d+\.\d+\.\d+/.test(version)) continue
    if (!unpack(out, library, version, join(out, name, 'vulnerable'))) continue
    const file = fileOf(join(out, name, 'vulnerable'), end)
    if (file === null) continue
    taken++
    const fixed = entry.fixedVersion ?? ''
    const isFixed =
      /^\d+\.\d+\.\d+$/.test(fixed) &&
      fixed !== version &&
      unpack(out, library, fixed, join(out, name, 'fixed'))
    cases.push({
      name,
      vulnerable: `${name}/vulnerable`,
      ...(isFixed ? { fixed: `${name}/fixed` } : {}),
      cwes: [cwe],
      weaknesses: [{ file, line: Number(line) }],
      kept: (digest(name)[0] as number) % 3 === 0,
    })
  }
}
writeFileSync(join(out, 'set.json'), JSON.stringify(cases, null, 2))
console.log(`${cases.length} cases`)
