import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parentPort } from 'node:worker_threads'
import type { ChangeChecked, ChangeReply, ChangeRequest } from './check-change.ts'
import { checkProject, type ProjectCheckOptions } from './check-project.ts'
import { OTHER_LANGUAGES } from './other-languages/other-languages.ts'
import { findFiles } from './reading/find-files.ts'

/** Projects of more source than this are not read as a whole for each change, bytes. */
const MAX_PROJECT = 400_000

async function checkChange({ folder, contents, before: held }: ChangeRequest): Promise<ChangeChecked> {
  const texts = new Map(contents)
  const earlier = held === null ? null : new Map(held)
  const changed = new Set((earlier ?? texts).keys())
  const size = await sizeOf(folder)
  const scope = size <= MAX_PROJECT ? 'project' : 'files'
  const files = scope === 'files' ? { files: [...changed] } : {}
  const old = await suppressionsBefore(folder, changed, earlier)
  const options: ProjectCheckOptions = {
    ...files,
    others: [OTHER_LANGUAGES],
    // A comment that the change itself adds silences nothing.
    trusts: ({ path, rules, reason }) =>
      !changed.has(path) || old.get(path)?.includes(`${rules.join(', ')}: ${reason}`) === true,
  }
  const after = await checkProject(folder, { ...options, contents: texts })
  const unread = after.skipped.some(({ path }) => changed.has(path) && texts.get(path) !== null)
  const standing = after.findings.filter((each) => each.standing.name === 'new').map((each) => each.finding)
  if (standing.length === 0) return { checked: !unread, scope, findings: [] }
  const before = await checkProject(
    folder,
    earlier === null ? options : { ...options, contents: new Map([...texts, ...earlier]) },
  )
  const known = new Set(before.findings.map((each) => each.finding.fingerprint))
  return { checked: true, scope, findings: standing.filter(({ fingerprint }) => !known.has(fingerprint)) }
}

async function sizeOf(folder: string): Promise<number> {
  const { sources } = await findFiles(folder)
  let size = 0
  for (const path of sources) {
    size += await stat(join(folder, path)).then(
      (found) => found.size,
      () => 0,
    )
    if (size > MAX_PROJECT) break
  }
  return size
}

async function suppressionsBefore(
  folder: string,
  paths: ReadonlySet<string>,
  earlier: ReadonlyMap<string, string | null> | null,
): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  for (const path of paths) {
    const text =
      earlier === null
        ? await readFile(join(folder, path), 'utf8').catch(() => '')
        : (earlier.get(path) ?? '')
    texts.set(
      path,
      text
        .split('\n')
        .filter((line) => line.includes('belay-ignore'))
        .join('\n'),
    )
  }
  return texts
}

parentPort?.on('message', (request: ChangeRequest) => {
  checkChange(request).then(
    (checked) => parentPort?.postMessage({ id: request.id, ...checked } satisfies ChangeReply),
    () =>
      parentPort?.postMessage({
        id: request.id,
        checked: false,
        scope: 'files',
        findings: [],
      } satisfies ChangeReply),
  )
})
