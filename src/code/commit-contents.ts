import { CheckProblem } from './check-problem.ts'
import { git } from './changed-lines.ts'
import type { ChangedTexts } from './check-change.ts'

/** What a commit would make of a repository. */
export interface CommitContents {
  /** Texts of the commit that the working tree has otherwise; null: the file is not part of it. */
  readonly after: ChangedTexts
  /** Texts of the files that it changes, as they are in `HEAD`; null: the file is new. */
  readonly before: ChangedTexts
}

/** A commit of more files than this is not looked at. */
const MAX_FILES = 1_000
const MAX_TEXT = 1_500_000

/** The folder that the repository lies in. Throws a `CheckProblem` when there is none. */
export async function repositoryOf(folder: string): Promise<string> {
  return (await git(folder, 'rev-parse', '--show-toplevel')).trimEnd()
}

/**
 * The next commit, from what is staged; `everything`: as if all of the working tree was staged before, new files
 * included. Throws a `CheckProblem` when git cannot say.
 */
export async function commitContents(folder: string, everything: boolean): Promise<CommitContents> {
  const head = await git(folder, 'rev-parse', '--verify', '--quiet', 'HEAD').then(
    (text) => text.trim(),
    // The tree that is empty: there is no commit yet.
    () => '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  )
  const names = async (...args: readonly string[]): Promise<string[]> =>
    (await git(folder, ...args, '-z')).split('\0').filter((path) => path !== '')
  const differing = ['diff', '--name-only', '--no-ext-diff', '--no-renames', '--ignore-submodules']
  const untracked = await names('ls-files', '--others', '--exclude-standard')
  const changed = everything
    ? [...(await names(...differing, head)), ...untracked]
    : await names(...differing, '--cached', head)
  if (changed.length > MAX_FILES) throw new CheckProblem(`The commit changes ${changed.length} files.`)
  const textAt = (revision: string, path: string): Promise<string | null> =>
    git(folder, 'show', `${revision}:${path}`).then(
      (text) => (text.length > MAX_TEXT ? null : text),
      () => null,
    )
  const before = new Map<string, string | null>()
  for (const path of changed) before.set(path, await textAt(head, path))
  const after = new Map<string, string | null>()
  if (!everything) {
    const unstaged = await names(...differing)
    if (unstaged.length > MAX_FILES) throw new CheckProblem(`${unstaged.length} files are not staged.`)
    for (const path of unstaged) after.set(path, await textAt('', path))
    for (const path of untracked) after.set(path, null)
  }
  return { after, before }
}
