import type { TextEdit, ToolUse } from './tool-use.ts'

/**
 * The files of a patch as `apply_patch` of Codex and OpenCode takes it: `*** Add File:`, `*** Update File:`,
 * `*** Delete File:`, `*** Move to:`. Throws when it names none.
 */
export function readPatch(patch: string): readonly ToolUse[] {
  const uses: ToolUse[] = []
  let path: string | null = null
  let added: string[] = []
  let removed: string[] = []
  // One edit a hunk: what stood there with the lines around it, and what stands there then.
  let edits: TextEdit[] = []
  let [old, fresh]: [string[], string[]] = [[], []]
  const closeHunk = (): void => {
    if (old.length > 0 || fresh.length > 0) edits.push({ old: old.join('\n'), text: fresh.join('\n') })
    ;[old, fresh] = [[], []]
  }
  const close = (): void => {
    closeHunk()
    if (path !== null)
      uses.push({
        kind: 'file',
        role: 'write',
        path,
        text: added.join('\n'),
        removed: removed.join('\n'),
        edits,
      })
    edits = []
    path = null
    added = []
    removed = []
  }
  for (const line of patch.split('\n')) {
    const head = /^\*\*\* (Add File|Update File|Delete File|Move to): (.+)$/.exec(line.trimEnd())
    if (head !== null) {
      const [, kind, name = ''] = head
      if (kind === 'Move to') {
        // The old place loses the file, the new one gets it.
        if (path !== null) uses.push({ kind: 'file', role: 'delete', path })
        path = name.trim()
        continue
      }
      close()
      if (kind === 'Delete File') uses.push({ kind: 'file', role: 'delete', path: name.trim() })
      else path = name.trim()
    } else if (path !== null) {
      if (line.startsWith('@@')) closeHunk()
      else if (line.startsWith('+')) {
        added.push(line.slice(1))
        fresh.push(line.slice(1))
      } else if (line.startsWith('-')) {
        removed.push(line.slice(1))
        old.push(line.slice(1))
      } else if (line.startsWith(' ')) {
        old.push(line.slice(1))
        fresh.push(line.slice(1))
      }
    }
  }
  close()
  if (uses.length === 0) throw new Error('the patch names no file')
  return uses
}
