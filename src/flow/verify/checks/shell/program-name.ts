import { MAYBE } from './marks.ts'

/** `/usr/bin/python3.12` → python: versions and the prefix of GNU's tools left out, case as on disks that ignore it. */
export function baseName(written: string): string {
  const name = written
    .slice(written.lastIndexOf('/') + 1)
    // zsh looks `=rm` up as rm.
    .replace(/^=/, '')
    .toLowerCase()
    .replace(/\.exe$/, '')
  const versioned = /^(python|pypy|ruby|perl|node|php|lua|bash|zsh|pip|clang|gcc|nodejs|tclsh)w?[\d.]*$/.exec(
    name,
  )
  if (versioned !== null)
    return versioned[1] === 'pypy' ? 'python' : versioned[1] === 'nodejs' ? 'node' : versioned[1]!
  return /^g(?:rm|find|xargs|chmod|chown|dd|mv|cp|ln|sed|awk|shred|truncate|tar|timeout|env|nice|install|tee|cat)$/.test(
    name,
  )
    ? name.slice(1)
    : name
}

/** A word as shell code again. */
export function quoted(word: string): string {
  return `'${word.replaceAll(MAYBE, '').replaceAll("'", `'\\''`)}'`
}
