import { parse } from 'unbash'
import type {
  CommandExpansionPart,
  ParameterExpansionPart,
  ProcessSubstitutionPart,
  Word,
  WordPart,
} from 'unbash'
import { expandBraces } from './brace-expansion.ts'
import { ANY, HOME, isKnown, isLiteral, MAYBE, SPLIT, STAR, UNKNOWN } from './marks.ts'

/** What the expansion of words asks of whoever walks the commands. */
export interface Expander {
  /** `undefined`: not set by this command line. */
  variable(name: string): string | readonly string[] | undefined
  assign(name: string, value: string): void
  /** Walks the commands inside and answers what they print. */
  substitution(part: CommandExpansionPart): string
  /** Walks the commands inside and answers the name of the pipe. */
  process(part: ProcessSubstitutionPart): string
  /** Walks what lies inside an arithmetic expression. */
  arithmetic(part: WordPart): void
}

const MAX_FIELDS = 20_000
const MAX_TEXT = 200_000

/** The words that one word becomes: braces, variables, substitutions and splitting included. */
export function expandWord(word: Word, expander: Expander): string[] {
  if (word.parts === undefined) return [tilde(word.value, word.text)]
  if (word.parts.some((part) => part.type === 'BraceExpansion')) return expandBraced(word, expander)
  const fields = new Fields()
  expandInto(word.parts, fields, expander, false)
  const [first] = word.parts
  const done = fields.done()
  if (first?.type === 'Literal' && first.text.startsWith('~') && done[0] !== undefined)
    done[0] = tilde(done[0], first.text)
  return done
}

/** The word as one text: assignments, here-strings, redirections and `[[` neither split nor expand braces. */
export function expandText(word: Word, expander: Expander): string {
  if (word.parts === undefined) return tilde(word.value, word.text)
  const fields = new Fields()
  expandInto(word.parts, fields, expander, true)
  const text = fields.done().join(' ')
  return word.parts[0]?.type === 'Literal' ? tilde(text, word.parts[0].text) : text
}

/** Parts of a here-document, or of anything else that stands between double quotes. */
export function expandQuoted(parts: readonly WordPart[], expander: Expander): string {
  const fields = new Fields()
  expandInto(parts, fields, expander, true)
  return fields.done().join(' ')
}

function tilde(value: string, written: string): string {
  if (!written.startsWith('~') || !value.startsWith('~')) return value
  const slash = value.indexOf('/')
  const name = slash === -1 ? value.slice(1) : value.slice(1, slash)
  const rest = slash === -1 ? '' : value.slice(slash)
  if (name === '') return HOME + rest
  if (name === '+') return `.${rest}`
  if (name === 'root') return `/root${rest}`
  return /^[a-z_][a-z0-9_-]*$/i.test(name) ? `/home/${name}${rest}` : UNKNOWN
}

function expandBraced(word: Word, expander: Expander): string[] {
  const raws = expandBraces(word.text)
  if (raws === undefined) return [SPLIT]
  return raws.flatMap((raw) => {
    if (raw === '') return []
    // Braces come first and give new words, which are then read like any other.
    const command = parse(`: ${raw}`).commands[0]?.command
    const again = command?.type === 'Command' ? command.suffix : []
    return again.flatMap((each) => {
      if (each.type !== 'Word') return [SPLIT]
      const braced = each.parts?.some((part) => part.type === 'BraceExpansion') === true
      return braced ? [expandText(each, expander)] : expandWord(each, expander)
    })
  })
}

/** Collects the fields of one word; a field exists once something, be it an empty quoted text, was put in it. */
class Fields {
  readonly #done: string[] = []
  #current: string | null = null
  #length = 0

  put(text: string): void {
    this.#length += text.length
    this.#current = this.#length > MAX_TEXT ? UNKNOWN : (this.#current ?? '') + text
  }

  /** A text that is split at blanks. */
  putSplit(text: string): void {
    const pieces = text.split(/[ \t\n]+/)
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) this.end()
      if (piece !== '') this.put(piece)
    }
  }

  end(): void {
    if (this.#current === null) return
    if (this.#done.length < MAX_FIELDS) this.#done.push(this.#current)
    this.#current = null
  }

  done(): string[] {
    this.end()
    return this.#done
  }
}

function expandInto(parts: readonly WordPart[], fields: Fields, expander: Expander, quoted: boolean): void {
  for (const part of parts) {
    switch (part.type) {
      case 'Literal':
      case 'SingleQuoted':
      case 'AnsiCQuoted':
        fields.put(part.value)
        break
      case 'DoubleQuoted':
      case 'LocaleString':
        fields.put('')
        expandInto(part.parts, fields, expander, true)
        break
      case 'Glob':
        fields.put(quoted ? part.text : part.kind === 'star' ? STAR : ANY)
        break
      case 'ExtendedGlob':
        fields.put(quoted ? part.text : STAR)
        break
      case 'BraceExpansion':
        fields.put(part.text)
        break
      case 'ArithmeticExpansion':
        expander.arithmetic(part)
        fields.put('0')
        break
      case 'CommandExpansion':
        putValue(expander.substitution(part).replace(/\n+$/, ''), fields, quoted, expander)
        break
      case 'ProcessSubstitution':
        fields.put(expander.process(part))
        break
      case 'SimpleExpansion':
        putVariable(part.text.slice(1), fields, expander, quoted)
        break
      case 'ParameterExpansion':
        putParameter(part, fields, expander, quoted)
        break
    }
  }
}

function putValue(value: string, fields: Fields, quoted: boolean, expander?: Expander): void {
  if (quoted) {
    fields.put(value)
    return
  }
  const split = patterns(value).replaceAll(UNKNOWN, SPLIT)
  const separators = expander?.variable('IFS')
  if (separators === undefined || separators === ' \t\n') fields.putSplit(split)
  else if (typeof separators === 'string' && isLiteral(separators))
    fields.putSplit(
      Array.from(split)
        .map((each) => (separators.includes(each) ? '\n' : each))
        .join(''),
    )
  else fields.put(SPLIT)
}

/** In a value that stands unquoted, the characters of patterns are patterns. */
function patterns(value: string): string {
  return /[*?[]/.test(value) ? value.replaceAll('*', STAR).replaceAll('?', ANY).replaceAll('[', STAR) : value
}

function putVariable(name: string, fields: Fields, expander: Expander, quoted: boolean): void {
  const value = valueOf(name, expander)
  if (typeof value === 'string') {
    putValue(value, fields, quoted, expander)
    return
  }
  for (const [index, each] of value.entries()) {
    if (index > 0) {
      if (quoted && name === '*') fields.put(' ')
      else fields.end()
    }
    putValue(each, fields, quoted, expander)
  }
}

const NUMBERS = new Set([
  '?',
  '$',
  '!',
  '#',
  'RANDOM',
  'SRANDOM',
  'SECONDS',
  'LINENO',
  'PPID',
  'BASHPID',
  'UID',
  'EUID',
  'COLUMNS',
  'LINES',
  'EPOCHSECONDS',
])
const SET_OUTSIDE: Readonly<Record<string, string>> = {
  HOME,
  PWD: '.',
  TMPDIR: '/tmp',
  USER: 'user',
  LOGNAME: 'user',
  SHELL: '/bin/sh',
  BASH: '/bin/bash',
  IFS: ' \t\n',
  '0': 'bash',
}

function valueOf(name: string, expander: Expander): string | readonly string[] {
  const set = expander.variable(name)
  if (set !== undefined) return set
  if (NUMBERS.has(name)) return '0'
  if (Object.hasOwn(SET_OUTSIDE, name)) return SET_OUTSIDE[name]!
  // Of a shell that goes on between calls the arguments may have been set before.
  if (/^(?:[@*]|\d+)$/.test(name)) return MAYBE
  return UNKNOWN
}

function putParameter(
  part: ParameterExpansionPart,
  fields: Fields,
  expander: Expander,
  quoted: boolean,
): void {
  const { parameter, prefix, operation, index } = part
  if (prefix === '#') {
    fields.put('0')
    return
  }
  if (prefix === '!') {
    const name = expander.variable(parameter)
    if (operation !== undefined || typeof name !== 'string' || !isLiteral(name))
      putValue(UNKNOWN, fields, quoted, expander)
    else putVariable(name, fields, expander, quoted)
    return
  }
  const known = expander.variable(parameter)
  if (index !== undefined && Array.isArray(known) && operation === undefined) {
    const at = expandText(index, expander)
    if (at === '@' || at === '*') {
      for (const [position, each] of (known as readonly string[]).entries()) {
        if (position > 0) fields.end()
        putValue(each, fields, quoted, expander)
      }
    } else
      putValue(
        /^\d{1,4}$/.test(at) ? ((known as readonly string[])[Number(at)] ?? '') : UNKNOWN,
        fields,
        quoted,
      )
    return
  }
  if (operation === undefined) {
    putVariable(parameter, fields, expander, quoted)
    return
  }
  putValue(operated(part, expander), fields, quoted, expander)
}

function operated({ parameter, operation }: ParameterExpansionPart, expander: Expander): string {
  const value = valueOf(parameter, expander)
  const text = typeof value === 'string' ? value : UNKNOWN
  switch (operation?.type) {
    case 'Default': {
      const operand = expandText(operation.operand, expander)
      const isSet = isKnown(text)
      if (operation.operator === '+' || operation.operator === ':+') return isSet ? operand : MAYBE + operand
      if (isSet && text !== '') return text
      if (operation.operator === '?' || operation.operator === ':?') return text
      if (operation.operator.endsWith('=')) expander.assign(parameter, MAYBE + operand)
      return MAYBE + operand
    }
    case 'Slice': {
      const offset = expandText(operation.offset, expander).trim()
      const length = operation.length === undefined ? '' : expandText(operation.length, expander).trim()
      if (!isLiteral(text) || !/^-?\d{1,6}$/.test(offset) || !/^-?\d{0,6}$/.test(length)) return UNKNOWN
      const from = Number(offset)
      const rest = text.slice(from)
      return length === '' ? rest : rest.slice(0, Number(length))
    }
    case 'Remove': {
      const operand = expandText(operation.operand, expander)
      if (!isLiteral(text) || !isLiteral(operand) || /[*?[\\]/.test(operand)) return UNKNOWN
      if (operation.operator.startsWith('#'))
        return text.startsWith(operand) ? text.slice(operand.length) : text
      return operand !== '' && text.endsWith(operand) ? text.slice(0, -operand.length) : text
    }
    case 'Replace': {
      const pattern = expandText(operation.pattern, expander)
      const replacement = expandText(operation.replacement, expander)
      if (!isLiteral(text) || !isLiteral(pattern) || /[*?[\\]/.test(pattern) || pattern === '') return UNKNOWN
      if (operation.operator === '//')
        return text.length > 2_000 ? UNKNOWN : text.split(pattern).join(replacement)
      if (operation.operator === '/') return text.replace(pattern, () => replacement)
      return UNKNOWN
    }
    case 'CaseModification': {
      if (!isLiteral(text) || operation.operand !== undefined) return UNKNOWN
      const change = (part: string): string =>
        operation.operator.startsWith('^') ? part.toUpperCase() : part.toLowerCase()
      return operation.operator.length === 2 ? change(text) : change(text.slice(0, 1)) + text.slice(1)
    }
    case 'Transform':
    case 'Names':
    case 'Unknown':
    case undefined:
      return UNKNOWN
  }
}
