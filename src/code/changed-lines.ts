import { execFile } from 'node:child_process'
import { CheckProblem } from './check-problem.ts'

/** First and last line, from 1, both included. */
export interface LineRange {
  readonly from: number
  readonly to: number
}

/** What changed, by path relative to the folder that was asked about; `all`: the file is new. */
export type ChangedLines = ReadonlyMap<string, 'all' | readonly LineRange[]>

const MAX_DIFF = 256 * 1024 * 1024

/**
 * Lines of the working tree that are new or changed since a revision, files that git does not know yet included.
 * Where the branch has parted from the revision, since they parted: what others did meanwhile is not of this change.
 * Throws a `CheckProblem` when there is no such revision or no repository.
 */
export async function changedSince(folder: string, revision: string): Promise<ChangedLines> {
  const commit = (
    await git(folder, 'rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`).catch(
      () => {
        throw new CheckProblem(`There is no revision ${revision} here.`)
      },
    )
  ).trim()
  const base = await git(folder, 'merge-base', commit, 'HEAD').then(
    (text) => text.trim(),
    () => commit,
  )
  const changed = new Map(readDiff(await git(folder, ...DIFF, base, '--', '.')))
  for (const path of (await git(folder, 'ls-files', '-z', '--others', '--exclude-standard')).split('\0'))
    if (path !== '') changed.set(path, 'all')
  return changed
}

/** Lines that the next commit would change. */
export async function changedInIndex(folder: string): Promise<ChangedLines> {
  return readDiff(await git(folder, ...DIFF, '--cached', '--', '.'))
}

/**
 * Files whose staged content is not what lies in the working tree, with what is staged; `null`: the file is staged
 * for deletion, or is not part of the commit.
 */
export async function stagedContents(folder: string): Promise<ReadonlyMap<string, string | null>> {
  const contents = new Map<string, string | null>()
  const differing = (await git(folder, 'diff', '--name-only', '--relative', '-z', '--', '.')).split('\0')
  for (const path of differing) {
    if (path !== '') contents.set(path, await git(folder, 'show', `:./${path}`).catch(() => null))
  }
  const untracked = await git(folder, 'ls-files', '-z', '--others', '--exclude-standard')
  for (const path of untracked.split('\0')) if (path !== '') contents.set(path, null)
  return contents
}

/** Whether a line lies in what changed. */
export function isChanged(changed: ChangedLines, path: string, line: number): boolean {
  const ranges = changed.get(path)
  if (ranges === undefined) return false
  return ranges === 'all' || ranges.some(({ from, to }) => from <= line && line <= to)
}

const DIFF = [
  'diff',
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
  '--relative',
  '-M',
  '-U0',
  '--no-prefix',
]

/** The new side of a unified diff without context. */
export function readDiff(diff: string): ChangedLines {
  const changed = new Map<string, 'all' | LineRange[]>()
  let ranges: LineRange[] | 'all' = []
  let fresh = false
  // Lines of content follow a hunk's head in the number it tells: a line of code may look like a head itself.
  let content = 0
  for (const line of diff.split('\n')) {
    if (content > 0 && /^[-+]/.test(line)) {
      content -= 1
      continue
    }
    if (line.startsWith('diff --git ')) fresh = false
    else if (line.startsWith('new file mode ')) fresh = true
    else if (line.startsWith('+++ ')) {
      const path = unquoted(line.slice(4).replace(/\t$/, ''))
      if (path === '/dev/null') continue
      ranges = fresh ? 'all' : []
      changed.set(path, ranges)
    } else {
      const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line)
      if (hunk === null) continue
      const [, removed = '1', start = '1', added = '1'] = hunk
      content = Number(removed) + Number(added)
      // Where lines only went, what now stands at the place is what changed: a guard may have stood there.
      const from = Number(added) === 0 ? Math.max(1, Number(start)) : Number(start)
      const to = Number(added) === 0 ? Number(start) + 1 : Number(start) + Number(added) - 1
      if (ranges !== 'all') ranges.push({ from, to })
    }
  }
  return changed
}

/** git puts names with unusual characters in quotes, bytes as octal. */
function unquoted(name: string): string {
  if (!name.startsWith('"') || !name.endsWith('"')) return name
  const bytes: number[] = []
  const inner = Buffer.from(name.slice(1, -1))
  for (let at = 0; at < inner.length; at += 1) {
    if (inner[at] !== 92) {
      bytes.push(inner[at]!)
      continue
    }
    const octal = /^[0-7]{3}/.exec(inner.toString('latin1', at + 1, at + 4))?.[0]
    if (octal !== undefined) {
      bytes.push(Number.parseInt(octal, 8))
      at += 3
    } else {
      at += 1
      const letter = String.fromCharCode(inner[at] ?? 92)
      bytes.push(({ n: 10, t: 9, r: 13 } as Record<string, number>)[letter] ?? letter.charCodeAt(0))
    }
  }
  return Buffer.from(bytes).toString('utf8')
}

/** What git prints. Throws a `CheckProblem` when it fails, or is not there. */
export function git(folder: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    // Nothing of the repository's configuration may start a program here.
    const safe = ['-c', 'core.fsmonitor=false', '-c', 'core.hooksPath=/dev/null', '-c', 'core.quotePath=true']
    execFile(
      'git',
      [...safe, ...args],
      { cwd: folder, maxBuffer: MAX_DIFF, encoding: 'utf8' },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout)
        if ((error as NodeJS.ErrnoException).code === 'ENOENT')
          return reject(new CheckProblem('git is not installed, and only git knows what changed.'))
        reject(
          new CheckProblem(`git ${args[0]}: ${stderr.trim().split('\n')[0] ?? error.message}`, {
            cause: error,
          }),
        )
      },
    )
  })
}
