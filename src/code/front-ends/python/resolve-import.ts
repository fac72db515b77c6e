/**
 * The file that `import source` in a file leads to, as a path of the checked folder; null when it is none of them.
 * `source` may be relative (`.models`, `..`). A name is looked for from the file's own folder upwards, since nobody
 * says where `sys.path` begins.
 */
export function resolvePythonImport(
  from: string,
  source: string,
  exists: (path: string) => boolean,
): string | null {
  const folders = from.split('/').slice(0, -1)
  const [, dots = '', name = ''] = /^(\.*)(.*)$/s.exec(source) ?? []
  const steps = name === '' ? [] : name.split('.')
  if (dots !== '') {
    if (dots.length - 1 > folders.length) return null
    return fileOf([...folders.slice(0, folders.length - (dots.length - 1)), ...steps], exists)
  }
  for (let depth = folders.length; depth >= 0; depth -= 1) {
    const found = fileOf([...folders.slice(0, depth), ...steps], exists)
    if (found !== null && found !== from) return found
  }
  return null
}

function fileOf(steps: readonly string[], exists: (path: string) => boolean): string | null {
  const path = steps.join('/')
  const candidates = path === '' ? ['__init__.py'] : [`${path}.py`, `${path}/__init__.py`]
  return candidates.find(exists) ?? null
}
