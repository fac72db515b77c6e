import type { Analysis, Invocation } from './analysis.ts'
import { unknownCode } from './builtins.ts'
import { isKnown } from './marks.ts'
import { readOptions } from './options.ts'

/** awk can run commands and write files. */
export function awk(analysis: Analysis, args: readonly string[], how: Invocation): void {
  const { operands, values, flags } = readOptions(args, [
    'F',
    'v',
    'f',
    'e',
    'E',
    'i',
    'l',
    '--field-separator',
    '--assign',
    '--file',
    '--source',
  ])
  const programs = [values.get('-e'), values.get('--source')].filter((text) => text !== undefined)
  if (programs.length === 0 && !flags.has('-f') && !flags.has('--file') && operands[0] !== undefined)
    programs.push(operands[0])
  if (flags.has('-l') || flags.has('-E')) analysis.opaque('one_liner', 'awk')
  for (const text of programs) {
    if (!isKnown(text)) unknownCode(analysis, text, 'awk')
    else {
      const bare = text.replaceAll(/"(?:[^"\\]|\\[^])*"/g, '""')
      if (
        /\bsystem\b|\bgetline\b|@\w|\|&|\||\bclose\b/.test(bare.replaceAll('||', ' ')) ||
        /\bprintf?\b[^;}\n]*>/.test(bare)
      )
        analysis.opaque('one_liner', 'awk')
    }
  }
  if (values.has('-f')) {
    for (const path of analysis.places(values.get('-f')!, how.scope))
      if (analysis.files.has(path)) analysis.opaque('one_liner', 'awk')
    if (/^(?:-|\/dev\/stdin|\/dev\/fd)/.test(values.get('-f')!)) analysis.opaque('one_liner', 'awk')
  }
}

/** GNU sed can run commands and write files. */
export function sed(analysis: Analysis, args: readonly string[]): void {
  const { operands, values, flags } = readOptions(args, ['e', 'f', 'l', '--expression', '--file'])
  const scripts = [...values]
    .filter(([name]) => name === '-e' || name === '--expression')
    .map(([, value]) => value)
  if (scripts.length === 0 && !flags.has('-f') && !flags.has('--file') && operands[0] !== undefined)
    scripts.push(operands[0])
  for (const script of scripts)
    if (isKnown(script) && sedRunsOrWrites(script)) analysis.opaque('one_liner', 'sed')
}

/** The commands `e`, `w`, `W`, and the flags `e` and `w` of `s`: read command by command. */
function sedRunsOrWrites(script: string): boolean {
  let at = 0
  while (at < script.length) {
    const rest = script.slice(at, at + 1)
    if (/[\s;{}!,0-9$~+]/.test(rest)) at++
    else if (rest === '/' || rest === '\\') {
      const delimiter = rest === '/' ? '/' : script[at + 1]
      at = afterDelimited(script, rest === '/' ? at + 1 : at + 2, delimiter ?? '/')
      while (/[IM]/.test(script[at] ?? '')) at++
    } else if (rest === 's' || rest === 'y') {
      const delimiter = script[at + 1] ?? '/'
      at = afterDelimited(script, afterDelimited(script, at + 2, delimiter), delimiter)
      const flags = /^[a-zA-Z0-9]{0,20}/.exec(script.slice(at, at + 20))![0]
      if (rest === 's' && /[ew]/.test(flags)) return true
      at += flags.length
    } else if (rest === 'e' || rest === 'w' || rest === 'W') return true
    else if (/[aicrR:btT#]/.test(rest)) {
      const end = script.indexOf('\n', at)
      // Labels of branches end at a semicolon, texts do not.
      const semicolon = /[btT:]/.test(rest) ? script.indexOf(';', at) : -1
      const stop = semicolon !== -1 && (end === -1 || semicolon < end) ? semicolon : end
      if (stop === -1) return false
      at = stop + 1
    } else at++
  }
  return false
}

function afterDelimited(text: string, start: number, delimiter: string): number {
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === delimiter) return at + 1
  }
  return text.length
}

/** Editors run what they are told at the start. */
export function editor(analysis: Analysis, args: readonly string[], { stdin }: Invocation): void {
  const { flags, operands } = readOptions(args, ['c', 's', 'S', 'u', 'w', '--cmd'])
  if (
    stdin !== null ||
    flags.has('-c') ||
    flags.has('-s') ||
    flags.has('-S') ||
    flags.has('--cmd') ||
    flags.has('-es') ||
    operands.some((arg) => arg.startsWith('+'))
  )
    analysis.opaque('one_liner', 'vim')
}
