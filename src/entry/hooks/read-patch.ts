import type { ToolUse } from './tool-use.ts'

/**
 * The files of a patch as `apply_patch` of Codex and OpenCode takes it: `*** Add File:`, `*** Update File:`,
 * `*** Delete File:`, `*** Move to:`. Throws when it names none.
 */
export function readPatch(patch: string): readonly ToolUse[] {
  const uses: ToolUse[] = []
  let path: string | null = null
  let added: string[] = []
  let removed: string[] = []
  const close = (): void => {
    if (path !== null)
      uses.push({ kind: 'file', role: 'write', path, text: added.join('\n'), removed: removed.join('\n') })
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
      if (line.startsWith('+')) added.push(line.slice(1))
      else if (line.startsWith('-')) removed.push(line.slice(1))
    }
  }
  close()
  if (uses.length === 0) throw new Error('the patch names no file')
  return uses
}
