import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** What starts `belay`: as it was built, when nothing of its source has changed since, else from its source. */
    launcher: string
  }
}

const ROOT = resolve(import.meta.dirname, '../..')
const BUILT = join(ROOT, 'dist/joined/entry.cli.main.js')

export default function setup(project: TestProject): (() => void) | undefined {
  if (!isBuilt()) {
    project.provide('launcher', join(ROOT, 'bin/belay.js'))
    return undefined
  }
  // In a checkout the launcher prefers the source, which takes half as long again to start.
  const folder = mkdtempSync(join(tmpdir(), 'belay-launcher-'))
  cpSync(join(ROOT, 'bin'), join(folder, 'bin'), { recursive: true })
  for (const part of ['dist', 'node_modules', 'package.json'])
    symlinkSync(join(ROOT, part), join(folder, part))
  project.provide('launcher', join(folder, 'bin/belay.js'))
  return () => rmSync(folder, { recursive: true, force: true })
}

function isBuilt(): boolean {
  const built = statSync(BUILT, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
  return [...sources, join(ROOT, 'package-lock.json'), join(ROOT, 'rolldown.config.ts')].every(
    (file) => statSync(file).mtimeMs < built,
  )
}
