import type { Analysis, Invocation } from './analysis.ts'
import { DOWNLOADED, HOME, isKnown, isLiteral, SPLIT, STAR, UNKNOWN } from './marks.ts'
import { has, readOptions } from './options.ts'
import { baseName } from './program-name.ts'

/** Links of one line that are followed. */
const MAX_LINKS = 32

/** What the operands of a program are to it. */
interface Uses {
  readonly operands: 'read' | 'write' | 'delete' | 'copy' | 'move' | 'link' | 'none' | 'name then read'
  readonly valued?: readonly string[]
  /** Options whose value is a file that is written. */
  readonly writes?: readonly string[]
  /** Flags with which operands are written in place. */
  readonly inPlace?: readonly string[]
  /** Always means everything below. */
  readonly recursive?: true
  /** The first operand is no path. */
  readonly skip?: number
}

const USES: Readonly<Record<string, Uses>> = {
  rm: { operands: 'delete' },
  srm: { operands: 'delete' },
  rmdir: { operands: 'delete' },
  unlink: { operands: 'delete' },
  shred: { operands: 'delete', valued: ['n', 's'] },
  trash: { operands: 'delete' },
  'trash-put': { operands: 'delete' },
  rimraf: { operands: 'delete', recursive: true },
  touch: { operands: 'write', valued: ['d', 'r', 't'] },
  mkdir: { operands: 'write', valued: ['m', '--mode'] },
  mkfifo: { operands: 'write' },
  mknod: { operands: 'write' },
  tee: { operands: 'write' },
  sponge: { operands: 'write' },
  truncate: { operands: 'write', valued: ['s', 'r', '--size', '--reference'] },
  fallocate: { operands: 'write', valued: ['l', 'o'] },
  chmod: { operands: 'write', skip: 1 },
  chown: { operands: 'write', skip: 1 },
  chgrp: { operands: 'write', skip: 1 },
  chattr: { operands: 'write', skip: 1 },
  setfacl: { operands: 'write', valued: ['m', 'x', 'M', 'X'] },
  cp: { operands: 'copy', valued: ['t', 'S', '--target-directory', '--suffix'] },
  install: {
    operands: 'copy',
    valued: ['t', 'm', 'o', 'g', 'S', '--target-directory', '--mode', '--owner', '--group'],
  },
  rsync: {
    operands: 'copy',
    valued: ['e', '--rsh', '--exclude', '--include', '--files-from', '--chmod', 'f', '--filter'],
    recursive: true,
  },
  scp: { operands: 'copy', valued: ['P', 'i', 'F', 'c', 'l', 'o', 'S', 'J'] },
  ditto: { operands: 'copy', recursive: true },
  mv: { operands: 'move', valued: ['t', 'S', '--target-directory', '--suffix'] },
  rename: { operands: 'write', skip: 1 },
  ln: { operands: 'link', valued: ['t', 'S'] },
  sed: {
    operands: 'name then read',
    valued: ['e', 'f', 'l', '--expression', '--file'],
    inPlace: ['-i', '--in-place'],
  },
  perl: { operands: 'read', valued: ['e', 'E', 'M', 'm', 'I'], inPlace: ['-i'] },
  sort: { operands: 'read', valued: ['k', 't', 'o', 'S', 'T', '--output'], writes: ['-o', '--output'] },
  patch: { operands: 'write', valued: ['p', 'i', 'd', 'o', '--input', '--directory'], writes: ['-o'] },
  gzip: { operands: 'write' },
  gunzip: { operands: 'write' },
  bzip2: { operands: 'write' },
  xz: { operands: 'write' },
  unzip: { operands: 'read', valued: ['d', 'P', 'x'], writes: ['-d'] },
  zip: { operands: 'write', recursive: true },
  tar: {
    operands: 'read',
    valued: ['f', 'C', '--file', '--directory', '--exclude', 'X', 'T'],
    writes: ['-C', '--directory'],
    recursive: true,
  },
  split: { operands: 'read', valued: ['b', 'l', 'n', 'a'] },
  curl: {
    operands: 'none',
    valued: [
      'o',
      'H',
      'd',
      'X',
      'A',
      'u',
      'b',
      'c',
      'e',
      'F',
      'T',
      'x',
      'm',
      'w',
      '--output',
      '--output-dir',
      '--data',
      '--header',
      '--request',
      '--dump-header',
      'D',
      '--cookie-jar',
    ],
    writes: ['-o', '--output', '--output-dir', '-c', '--cookie-jar', '-D', '--dump-header'],
  },
  wget: {
    operands: 'none',
    valued: [
      'O',
      'o',
      'P',
      'a',
      'i',
      'U',
      't',
      'T',
      '--output-document',
      '--directory-prefix',
      '--output-file',
    ],
    writes: ['-O', '-o', '-P', '-a', '--output-document', '--directory-prefix', '--output-file'],
  },
  dd: { operands: 'none' },
  echo: { operands: 'none' },
  printf: { operands: 'none' },
  export: { operands: 'none' },
  test: { operands: 'none' },
  '[': { operands: 'none' },
  grep: {
    operands: 'name then read',
    valued: ['e', 'f', 'm', 'A', 'B', 'C', '--include', '--exclude', '--exclude-dir', '--color'],
  },
  egrep: { operands: 'name then read', valued: ['e', 'f', 'm', 'A', 'B', 'C'] },
  fgrep: { operands: 'name then read', valued: ['e', 'f', 'm', 'A', 'B', 'C'] },
  rg: {
    operands: 'name then read',
    valued: ['e', 'f', 'g', 't', 'T', 'm', 'A', 'B', 'C', '--glob', '--type'],
  },
  awk: { operands: 'name then read', valued: ['F', 'v', 'f'] },
  jq: { operands: 'name then read', valued: ['f', 'L', '--arg', '--argjson', '--indent'] },
  yq: { operands: 'name then read', inPlace: ['-i', '--inplace'] },
  git: { operands: 'none' },
}

const RECURSIVE = ['-r', '-R', '-a', '--recursive', '--archive']

/** Adds the paths that a command reads, writes and deletes. */
export function findPaths(
  analysis: Analysis,
  program: string,
  args: readonly string[],
  how: Invocation,
): void {
  const { scope } = how
  const use = (role: 'read' | 'write' | 'delete', path: string, recursive = false): void => {
    if (
      path === '' ||
      path === '-' ||
      /^\/dev\/(?:null|stdin|stdout|stderr|tty|fd\/\d+|zero|urandom|random)$/.test(path)
    )
      return
    analysis.usePath(role, path, program, scope, recursive)
  }
  if (program === 'git') {
    gitPaths(args, use)
    return
  }
  if (program === 'find') {
    findRoots(args, use)
    return
  }
  const uses = Object.hasOwn(USES, program) ? USES[program] : undefined
  if (uses === undefined) {
    for (const arg of args) for (const path of pathsLike(arg)) use('read', path)
    return
  }
  const options = readOptions(args, uses.valued)
  const recursive = uses.recursive === true || has(options, ...RECURSIVE)
  for (const [name, value] of options.values) {
    if (uses.writes?.includes(name) === true) use('write', value)
    else if (name === '-t' || name === '--target-directory') use('write', value)
    // A key that is used is not shown.
    else if (program !== 'scp' || name !== '-i') for (const path of pathsLike(value)) use('read', path)
  }
  if (program === 'curl' && has(options, '-O', '--remote-name', '-J')) use('write', './remote-name')
  if (
    program === 'wget' &&
    !options.values.has('-O') &&
    !options.values.has('--output-document') &&
    !options.flags.has('--spider')
  )
    use('write', './remote-name')
  if (
    program === 'tar' &&
    (has(options, '-x', '--extract', '--get') || /^[a-zA-Z]*x/.test(args[0] ?? '')) &&
    !options.values.has('-C') &&
    !options.values.has('--directory')
  )
    use('write', '.')
  if (program === 'tar' && has(options, '-c', '--create') && options.values.has('-f'))
    use('write', options.values.get('-f')!)
  if (program === 'dd') {
    for (const arg of args) {
      if (arg.startsWith('of=')) use('write', arg.slice(3))
      if (arg.startsWith('if=')) use('read', arg.slice(3))
    }
  }
  const operands = options.operands.slice(uses.skip ?? 0)
  operandPaths(
    analysis,
    program,
    uses,
    operands,
    options.values.has('-t') || options.values.has('--target-directory'),
    recursive,
    how,
    use,
  )
  if (uses.inPlace !== undefined && [...options.flags].some((flag) => uses.inPlace!.includes(flag)))
    for (const path of uses.operands === 'name then read' && !options.flags.has('-e')
      ? operands.slice(1)
      : operands)
      use('write', path)
  if (program === 'tee')
    for (const path of options.operands) rememberContent(analysis, path, how.stdin ?? UNKNOWN, how)
  if (program === 'curl' || program === 'wget')
    for (const name of ['-o', '--output', '-O', '--output-document'])
      if (options.values.has(name)) rememberContent(analysis, options.values.get(name)!, DOWNLOADED, how)
  if (
    (program === 'curl' && has(options, '-O', '--remote-name')) ||
    (program === 'wget' && !options.flags.has('-O'))
  ) {
    for (const operand of args.filter((arg) => /^[a-z]+:\/\//i.test(arg)))
      rememberContent(analysis, `./${operand.split(/[?#]/, 1)[0]!.split('/').at(-1) ?? ''}`, DOWNLOADED, how)
  }
  // Values such as `@file` and `--opt=path` are only seen by their look.
  if (program === 'curl') for (const arg of args) for (const path of pathsLike(arg)) use('read', path)
}

type Use = (role: 'read' | 'write' | 'delete', path: string, recursive?: boolean) => void

function operandPaths(
  analysis: Analysis,
  program: string,
  uses: Uses,
  operands: readonly string[],
  hasTarget: boolean,
  recursive: boolean,
  how: Invocation,
  use: Use,
): void {
  switch (uses.operands) {
    case 'none':
      return
    case 'read':
    case 'write':
    case 'delete':
      for (const path of operands) use(uses.operands, path, recursive)
      return
    case 'name then read':
      for (const path of operands.slice(1)) use('read', path, recursive)
      return
    case 'copy':
    case 'move':
    case 'link': {
      const sources = hasTarget || operands.length < 2 ? operands : operands.slice(0, -1)
      const target = hasTarget || operands.length < 2 ? undefined : operands.at(-1)
      for (const path of sources) {
        if (/^[\w.-]+@?[\w.-]*:/.test(path) && (program === 'scp' || program === 'rsync')) continue
        use(uses.operands === 'move' ? 'delete' : 'read', path, recursive)
      }
      if (target !== undefined && !(/^[\w.@-]+:/.test(target) && (program === 'scp' || program === 'rsync')))
        use('write', target, recursive)
      if (uses.operands === 'link' && target === undefined && sources[0] !== undefined)
        use('write', `./${sources[0].slice(sources[0].lastIndexOf('/') + 1)}`)
      rememberCopy(analysis, uses.operands, sources, target, how)
    }
  }
}

function rememberContent(analysis: Analysis, written: string, content: string, { scope }: Invocation): void {
  for (const path of analysis.places(written, scope)) analysis.files.set(path, { content })
}

/** `cp /bin/rm x; ./x …` and `ln -s / x; rm -rf x/*`: under its new name it is what it was. */
function rememberCopy(
  analysis: Analysis,
  kind: Uses['operands'],
  sources: readonly string[],
  target: string | undefined,
  { scope }: Invocation,
): void {
  const [source] = sources
  if (source === undefined || sources.length > 1) return
  const name = source.slice(source.lastIndexOf('/') + 1)
  for (const place of analysis.places(target ?? `./${name}`, scope)) {
    for (const path of target === undefined ? [place] : [place, `${place}/${name}`]) {
      if (kind === 'link') {
        if (analysis.links.size < MAX_LINKS) analysis.links.set(path, isKnown(source) ? source : UNKNOWN)
        else analysis.opaque('depth', 'ln')
        continue
      }
      const [from] = analysis.places(source, scope)
      const known = from === undefined ? undefined : analysis.files.get(from)
      if (known !== undefined) analysis.files.set(path, known)
      else if (isLiteral(source) && /^(?:\/usr)?(?:\/local)?\/s?bin\//.test(source))
        analysis.files.set(path, { program: baseName(source) })
      else if (!isLiteral(source)) analysis.files.set(path, { content: UNKNOWN })
    }
  }
}

function gitPaths(args: readonly string[], use: Use): void {
  const at = args.indexOf('-C')
  if (at !== -1 && args[at + 1] !== undefined) use('read', args[at + 1]!)
  const command = args.find((arg) => /^(?:rm|mv|clone|init|worktree)$/.test(arg))
  if (command === undefined) return
  const { operands, flags } = readOptions(args.slice(args.indexOf(command) + 1), [
    'b',
    'o',
    'u',
    'c',
    '--depth',
    '--branch',
  ])
  if (command === 'rm' && !flags.has('--cached'))
    for (const path of operands) use('delete', path, flags.has('-r'))
  if (command === 'mv') for (const path of operands) use('write', path)
  if (command === 'clone' && operands[1] !== undefined) use('write', operands[1])
  if (command === 'init' && operands[0] !== undefined) use('write', operands[0])
}

/** Deleting through find counts as recursive only where nothing narrows it. */
function findRoots(args: readonly string[], use: Use): void {
  const start = args.findIndex((arg) => /^[-(!]/.test(arg) && !/^-[HLPOD]/.test(arg))
  const roots = (start === -1 ? args : args.slice(0, start)).filter((arg) => !/^-[HLPOD]/.test(arg))
  const narrowed = isNarrowed(args)
  for (const root of roots.length === 0 ? ['.'] : roots) {
    use('read', root)
    if (args.includes('-delete')) use('delete', narrowed ? `${root}/${STAR}narrowed${STAR}` : root, true)
  }
  for (const [index, arg] of args.entries())
    if (/^-(?:fprint0?|fprintf|fls)$/.test(arg) && args[index + 1] !== undefined)
      use('write', args[index + 1]!)
}

/** What may be a path in an argument of a program that is not known further. */
function pathsLike(arg: string): readonly string[] {
  const equals = arg.startsWith('-') ? arg.indexOf('=') : -1
  const value = equals === -1 ? arg : arg.slice(equals + 1)
  const bare = value
    .replaceAll(HOME, '~')
    .replace(/^[^@]*@(?=[./~])/, '')
    .replace(/^@/, '')
  if (bare.startsWith('-') || /^[a-z][a-z0-9+.-]*:\/\//i.test(bare))
    return bare.startsWith('file://') ? [bare.slice(7)] : []
  if (bare.length > 1_000 || /[\n]/.test(bare)) return []
  const looks =
    bare.includes('/') ||
    bare.startsWith('~') ||
    bare.startsWith('.') ||
    (equals === -1 && !arg.startsWith('-'))
  return looks && bare !== '' && !bare.includes(SPLIT)
    ? [value.includes(HOME) ? bare.replace('~', HOME) : bare]
    : []
}

/** Whether find is told a name that is not everything. */
export function isNarrowed(args: readonly string[]): boolean {
  return args.some(
    (arg, index) =>
      (/^-i?(?:name|path|wholename|regex)$/.test(arg) &&
        Array.from(args[index + 1] ?? '').some((each) => !`${STAR}*./`.includes(each))) ||
      arg === '-empty',
  )
}
