import { posix } from 'node:path'
import { ANY, DOWNLOADED, HOME, MAYBE, SPLIT, STAR, UNKNOWN } from './marks.ts'

/** Longer ones are taken for unknown. */
const MAX_PATH = 1_024

/**
 * A path in normal form, from where the command stands: `/…`, `~/…`, or relative to where the line starts. What is
 * unknown stays marked; `..` behind something unknown makes all of it unknown.
 */
export function resolvePath(from: string, written: string): string {
  if (written.length + from.length > MAX_PATH) return UNKNOWN
  const path = written.replaceAll(MAYBE, '').replaceAll(SPLIT, UNKNOWN)
  if (path.startsWith(UNKNOWN) || path.startsWith(DOWNLOADED)) return path
  if (path.startsWith('/')) return normal('/', path)
  if (path.startsWith(HOME)) return path.length === 1 ? '~' : path[1] === '/' ? home(path.slice(1)) : UNKNOWN
  if (from.startsWith(UNKNOWN)) return `${UNKNOWN}/${path}`
  if (from === '~' || from.startsWith('~/')) return home(`${from.slice(1)}/${path}`)
  return from.startsWith('/') ? normal('/', `${from}/${path}`) : normal('.', `${from}/${path}`)
}

/** `../` leads out of a home that nobody knows the place of. */
function home(rest: string): string {
  if (climbsOverUnknown(rest)) return UNKNOWN
  const inside = posix.normalize(`./${rest}`)
  if (inside === '..' || inside.startsWith('../')) return `/home/${inside.replace(/^(?:\.\.\/?)+/, '')}`
  return inside === '.' || inside === './' ? '~' : `~/${inside.replace(/\/$/, '')}`
}

function normal(root: string, path: string): string {
  if (climbsOverUnknown(path)) return UNKNOWN
  const flat = posix.normalize(root === '/' ? `/${path}` : path).replace(/^\/{2,}/, '/')
  const short = flat.length > 1 ? flat.replace(/\/$/, '') : flat
  if (root === '/') return short
  if (short === '.' || short === '..' || short.startsWith('../')) return short
  return `./${short}`
}

/** `..` behind something unknown may be anywhere. */
function climbsOverUnknown(path: string): boolean {
  if (!path.includes('..')) return false
  const parts = path.split('/')
  let blind = false
  for (const part of parts) {
    if (part === '..' && blind) return true
    if (part.includes(UNKNOWN)) blind = true
  }
  return false
}

/** A path pattern of a policy, prepared. `*` stands within one name, `**` for any. */
export type PathPattern = readonly string[]

/** Prepares a pattern. Throws a plain sentence for one that is empty or not a path. */
export function compilePathPattern(pattern: string): PathPattern {
  if (pattern.trim() === '') throw new Error('a path pattern must not be empty')
  const star = pattern
    .replaceAll('**', STAR + STAR)
    .replaceAll('*', STAR)
    .replaceAll('?', ANY)
  const whole = star.startsWith('~/') || star === '~' ? HOME + star.slice(1) : star
  if (pattern.startsWith('**/')) return star.split('/')
  return resolvePath('.', whole).split('/')
}

/** Whether the path, or a folder that it lies in, may be what the pattern means. */
export function mayLieIn(path: string, pattern: PathPattern): boolean {
  return segmentsMatch(path.split('/'), pattern, true)
}

/** Whether something that the pattern means may lie below the path. */
export function mayHold(path: string, pattern: PathPattern): boolean {
  return segmentsMatch(pattern, path.split('/'), true)
}

const DEEP = STAR + STAR

/** Both may hold wildcards. With `prefix`, `b` may end before `a` does. Work is bounded by the product of lengths. */
function segmentsMatch(a: readonly string[], b: readonly string[], prefix: boolean): boolean {
  const left = a.slice(0, 64)
  const right = b.slice(0, 64)
  const width = right.length + 1
  const seen = new Set<number>()
  const open: [number, number][] = [[0, 0]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [i, j] = next
    const key = i * width + j
    if (seen.has(key)) continue
    seen.add(key)
    if (j === right.length && (prefix || i === left.length)) return true
    if (right[j] === DEEP) {
      open.push([i, j + 1])
      if (i < left.length) open.push([i + 1, j])
      continue
    }
    if (left[i] === DEEP || left[i]?.includes(UNKNOWN) === true) {
      open.push([i + 1, j])
      if (j < right.length) open.push([i, j + 1])
      if (left[i] === DEEP) continue
    }
    if (i < left.length && j < right.length && namesMeet(left[i]!, right[j]!)) open.push([i + 1, j + 1])
  }
  return false
}

/** Whether two names with wildcards can stand for the same name. */
function namesMeet(a: string, b: string): boolean {
  if (a === b) return true
  if (a.length * b.length > 1_000_000) return true
  const many = (character: string | undefined): boolean => character === STAR || character === UNKNOWN
  const seen = new Set<number>()
  const open: [number, number][] = [[0, 0]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [i, j] = next
    const key = i * (b.length + 1) + j
    if (seen.has(key)) continue
    seen.add(key)
    if (i === a.length && j === b.length) return true
    const [x, y] = [a[i], b[j]]
    if (many(x)) {
      open.push([i + 1, j])
      if (j < b.length) open.push([i, j + 1])
    }
    if (many(y)) {
      open.push([i, j + 1])
      if (i < a.length) open.push([i + 1, j])
    }
    if (x !== undefined && y !== undefined && (x === y || x === ANY || y === ANY)) open.push([i + 1, j + 1])
  }
  return false
}

const SYSTEM = new Set([
  'bin',
  'boot',
  'dev',
  'etc',
  'lib',
  'lib32',
  'lib64',
  'opt',
  'proc',
  'root',
  'run',
  'sbin',
  'sys',
  'usr',
  'var',
  'home',
  'srv',
  'mnt',
  'media',
  'Users',
  'System',
  'Library',
  'Applications',
  'Volumes',
  'private',
  'cores',
  'nix',
  'snap',
])

/** A folder whose loss nobody wants: the root, what lies right below it, system folders, homes, or a parent of here. */
export function isWide(path: string, cwd: string | null): boolean {
  const bare = withoutTrailingPattern(path)
  if (
    bare === '/' ||
    bare === '' ||
    bare === '~' ||
    bare === '..' ||
    /^(?:\.\.\/)+(?:\.\.)?$/.test(`${bare}/`)
  )
    return true
  if (bare === '.' || bare === './') return true
  if (cwd !== null && bare.startsWith('/') && (cwd === bare || cwd.startsWith(`${bare}/`))) return true
  const parts = bare.split('/')
  if (bare.startsWith('/')) {
    const [, top = '', second, third] = parts
    if (third === undefined && second === undefined) return top !== 'tmp'
    if (/[*?]/.test(top) || top.includes(STAR) || top.includes(ANY)) return true
    if (top === 'home' || top === 'Users') return third === undefined
    if (top === 'var') return third === undefined && second !== 'tmp'
    if (
      top === 'tmp' ||
      top === 'mnt' ||
      top === 'media' ||
      top === 'srv' ||
      top === 'private' ||
      top === 'Volumes'
    )
      return false
    if (top === 'opt') return false
    if (SYSTEM.has(top))
      return (
        third === undefined ||
        top === 'etc' ||
        top === 'boot' ||
        top === 'dev' ||
        top === 'sys' ||
        top === 'proc'
      )
    return false
  }
  if (bare.startsWith('~/')) {
    const [, first = '', second] = parts
    return (
      second === undefined &&
      /^(?:Documents|Desktop|Downloads|Pictures|Library|\.ssh|\.config|\.gnupg|\.aws|\.kube|\.local|src|code|projects|work|\.git)$/i.test(
        first,
      )
    )
  }
  return bare === './.git' || (bare.startsWith('../') && parts.filter((part) => part !== '..').length === 0)
}

/** `/home/*` loses as much as `/home`. */
function withoutTrailingPattern(path: string): string {
  let bare = path
  for (;;) {
    const slash = bare.lastIndexOf('/')
    const last = bare.slice(slash + 1)
    if (slash === -1 || last === '') break
    if (!Array.from(last).every((character) => character === STAR || character === ANY || character === '.'))
      break
    if (last === '.' || last === '..') break
    bare = slash === 0 ? '/' : bare.slice(0, slash)
  }
  // A pattern that stands alone means everything here.
  if (bare !== '' && Array.from(bare).every((character) => character === STAR || character === ANY))
    return '.'
  return bare.length > 1 ? bare.replace(/\/$/, '') : bare
}
