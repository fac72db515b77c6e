import type { Analysis, Invocation } from './analysis.ts'
import { DOWNLOADED, isLiteral, UNKNOWN } from './marks.ts'
import { readOptions } from './options.ts'

/** What a program prints, where that follows from the line. */
export function outputOf(
  analysis: Analysis,
  program: string,
  args: readonly string[],
  how: Invocation,
): string {
  const stdin = how.stdin ?? UNKNOWN
  switch (program) {
    case 'echo':
      return echo(args)
    case 'printf':
      return printf(args, how)
    case 'cat':
    case 'tac':
      return contents(analysis, args, how)
    case 'tee':
    case 'sponge':
    case 'pv':
      return stdin
    case 'base64':
    case 'gbase64':
      return readOptions(args, ['w', 'i', 'o', '--wrap']).flags.size > 0 &&
        isLiteral(stdin) &&
        /^-(?:d|D|-decode)/.test(args.find((arg) => arg.startsWith('-')) ?? '')
        ? decoded(stdin, 'base64')
        : passedOn(stdin)
    case 'xxd':
      return args
        .join(' ')
        .replaceAll('-', '')
        .replaceAll(' ', '')
        .match(/^(?:rp|pr|rps)$/) !== null && isLiteral(stdin)
        ? decoded(stdin, 'hex')
        : passedOn(stdin)
    case 'rev':
      return isLiteral(stdin)
        ? stdin
            .split('\n')
            .map((line) => Array.from(line).toReversed().join(''))
            .join('\n')
        : passedOn(stdin)
    case 'mktemp':
      return '/tmp/tmp.unnamed'
    case 'date':
    case 'nproc':
    case 'wc':
    case 'uname':
    case 'arch':
    case 'whoami':
    case 'hostname':
    case 'uuidgen':
    case 'expr':
    case 'seq':
      // One word without slashes, or several numbers.
      return how.stdin?.includes(DOWNLOADED) === true ? DOWNLOADED : program === 'whoami' ? 'user' : '0'
    case 'id':
      return args.some((arg) => /^-\w*[un]/.test(arg)) ? '0' : UNKNOWN
    case 'which':
    case 'realpath':
    case 'readlink': {
      const operand = readOptions(args).operands[0]
      return operand === undefined || readOptions(args).operands.length > 1
        ? UNKNOWN
        : program === 'which' && isLiteral(operand)
          ? `/usr/bin/${operand}`
          : UNKNOWN
    }
    case 'basename':
      return isLiteral(args[0] ?? UNKNOWN)
        ? args[0]!.replace(/\/+$/, '').slice(args[0]!.replace(/\/+$/, '').lastIndexOf('/') + 1)
        : UNKNOWN
    case 'dirname':
      return isLiteral(args[0] ?? UNKNOWN)
        ? args[0]!.includes('/')
          ? args[0]!.slice(0, args[0]!.lastIndexOf('/')) || '/'
          : '.'
        : UNKNOWN
    case 'curl':
    case 'wget':
    case 'fetch':
    case 'http':
    case 'https':
    case 'aria2c':
    case 'lynx':
    case 'w3m':
    case 'nc':
    case 'ncat':
    case 'netcat':
    case 'socat':
    case 'ssh':
    case 'dig':
    case 'nslookup':
    case 'gh':
    case 'ftp':
      return DOWNLOADED
    case 'true':
    case ':':
    case 'false':
    case 'mkdir':
    case 'touch':
    case 'rm':
    case 'cp':
    case 'mv':
    case 'ln':
    case 'chmod':
    case 'sleep':
    case 'test':
    case '[':
    case 'exit':
    case 'return':
    case 'kill':
    case 'wait':
    case 'cd':
      return ''
    // They print settings for the shell that asks, and are made to be evaluated.
    case 'ssh-agent':
    case 'dircolors':
    case 'starship':
    case 'zoxide':
    case 'fnm':
    case 'direnv':
    case 'mise':
    case 'thefuck':
      return ''
    case 'brew':
      return args[0] === 'shellenv' ? '' : UNKNOWN
    case 'pyenv':
    case 'rbenv':
    case 'nodenv':
      return args[0] === 'init' ? '' : UNKNOWN
    default:
      return passedOn(stdin)
  }
}

/** What a filter makes of its input is unknown; that it came from the network stays. */
function passedOn(stdin: string): string {
  return stdin.includes(DOWNLOADED) ? DOWNLOADED : UNKNOWN
}

function decoded(text: string, encoding: 'base64' | 'hex'): string {
  const bytes = Buffer.from(encoding === 'hex' ? text.replaceAll(/\s/g, '') : text, encoding)
  const out = bytes.toString('utf8')
  // oxlint-disable-next-line no-control-regex -- marks must not come in this way
  return /[\u0000-\u0008\ufffd]/.test(out) ? UNKNOWN : out
}

function echo(args: readonly string[]): string {
  let at = 0
  let escapes = false
  let newline = '\n'
  while (/^-[neE]+$/.test(args[at] ?? '')) {
    if (args[at]!.includes('e')) escapes = true
    if (args[at]!.includes('n')) newline = ''
    at++
  }
  const text = args.slice(at).join(' ')
  // Some shells read escapes without being told: what they would make of it is not known.
  return (escapes ? unescaped(text) : text) + newline
}

function printf(args: readonly string[], { scope }: Invocation): string {
  let rest = args
  let variable: string | undefined
  if (rest[0] === '-v') {
    variable = rest[1]
    rest = rest.slice(2)
  }
  if (rest[0] === '--') rest = rest.slice(1)
  const out = formatted(rest)
  if (variable === undefined) return out
  scope.vars.set(variable, out)
  return ''
}

function formatted([format = '', ...values]: readonly string[]): string {
  let next = 0
  let out = ''
  let rounds = 0
  do {
    const from = next
    out += unescaped(format).replaceAll(
      /%(?:%|[-+ #0]{0,5}\d{0,9}(?:\.\d{0,9})?([a-zA-Z]))/g,
      (_whole, kind: string | undefined) => {
        if (kind === undefined) return '%'
        const value = values[next++] ?? ''
        if (kind === 's') return value
        if (kind === 'b') return unescaped(value)
        return kind === 'd' || kind === 'i' ? value : UNKNOWN
      },
    )
    if (next === from) break
    rounds++
  } while (next < values.length && rounds < 1_000 && out.length < 200_000)
  return out
}

function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  return text.replaceAll(
    /\\(?:x([0-9a-fA-F]{1,2})|0?([0-7]{1,3})|u([0-9a-fA-F]{1,4})|([\s\S]))/g,
    (_whole, hex?: string, octal?: string, code?: string, letter?: string) => {
      const point =
        hex !== undefined
          ? Number.parseInt(hex, 16)
          : octal !== undefined
            ? Number.parseInt(octal, 8)
            : code !== undefined
              ? Number.parseInt(code, 16)
              : undefined
      if (point !== undefined) return point < 9 ? UNKNOWN : String.fromCharCode(point)
      return { n: '\n', t: '\t', r: '\r', '\\': '\\', '"': '"', "'": "'" }[letter ?? ''] ?? UNKNOWN
    },
  )
}

function contents(analysis: Analysis, args: readonly string[], how: Invocation): string {
  const { operands, flags } = readOptions(args)
  if (flags.size > 0) return UNKNOWN
  if (operands.length === 0) return how.stdin ?? UNKNOWN
  let out = ''
  for (const operand of operands) {
    if (operand === '-') {
      out += how.stdin ?? UNKNOWN
      continue
    }
    const [place, second] = analysis.places(operand, how.scope)
    const known = place === undefined || second !== undefined ? undefined : analysis.files.get(place)
    out += known !== undefined && 'content' in known ? known.content : UNKNOWN
  }
  return out
}
