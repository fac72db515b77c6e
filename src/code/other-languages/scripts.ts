import type { SyntaxNode } from '../front-ends/syntax-tree.ts'

/** A construct found in a script: offsets, the rule's name after `patterns/`, a sentence. */
export interface ScriptHit {
  readonly at: number
  readonly end: number
  readonly rule: string
  readonly message: string
}

const DOWNLOADS = /^(?:curl|wget)$/
const SHELLS = /^(?:(?:ba|z|da|k)?sh|python3?|perl|ruby|node)$/

/** A shell script, read by its grammar. */
export function checkShell(root: SyntaxNode, text: string): readonly ScriptHit[] {
  const hits: ScriptHit[] = []
  const of = (node: SyntaxNode): string => text.slice(node.at, Math.min(node.end, node.at + 2_000))
  const programOf = (node: SyntaxNode): string => {
    const name = node.children.find((child) => child.field === 'name')
    return name === undefined ? '' : of(name).replace(/^.*\//, '')
  }
  const visit = (node: SyntaxNode, depth: number): void => {
    if (node.type === 'pipeline') {
      const programs = node.children.filter((child) => child.type === 'command').map(effectiveProgram)
      const from = programs.findIndex((name) => DOWNLOADS.test(name))
      if (from !== -1 && programs.slice(from + 1).some((name) => SHELLS.test(name)))
        hits.push({
          at: node.at,
          end: node.end,
          rule: 'piped-to-shell',
          message: 'Whoever answers the download decides what runs here.',
        })
    }
    if (node.type === 'command') {
      const words = node.children.filter((child) => child.field === 'argument').map(of)
      const program = programOf(node)
      if (
        program === 'eval' &&
        words.some((word) => /\$(?:\{?[@*1-9]|\{?(?:QUERY_STRING|HTTP_\w+))/.test(word))
      )
        hits.push({
          at: node.at,
          end: node.end,
          rule: 'shell-eval',
          message: 'An argument of the script is run as shell code.',
        })
      if (program === 'chmod' && words.some((word) => /^(?:0?[0-7]?777|a\+w|o\+w|ugo\+w|a\+rwx)$/.test(word)))
        hits.push({
          at: node.at,
          end: node.end,
          rule: 'world-writable',
          message: 'Every user of the machine may change these files.',
        })
      if (
        (program === 'curl' &&
          words.some((word) => word === '--insecure' || /^-[a-zA-Z]*k[a-zA-Z]*$/.test(word))) ||
        (program === 'wget' && words.includes('--no-check-certificate'))
      )
        hits.push({
          at: node.at,
          end: node.end,
          rule: 'unverified-download',
          message: 'Whoever is in between can answer the download.',
        })
    }
    if (depth < 300) for (const child of node.children) visit(child, depth + 1)
  }
  const effectiveProgram = (command: SyntaxNode): string => {
    const program = programOf(command)
    if (program !== 'sudo' && program !== 'env') return program
    const next = command.children.find(
      (child) => child.field === 'argument' && !of(child).startsWith('-') && !of(child).includes('='),
    )
    return next === undefined ? program : of(next).replace(/^.*\//, '')
  }
  visit(root, 0)
  return hits
}

/** `NAME=value` anywhere, or `NAME value` from the start; a value that is a variable is none. */
const SECRET_IN_IMAGE =
  /(?:(?:^|\s)\w*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIAL)\w*=|^\w*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIAL)\w*\s+)["']?(?![$"'\s]|\w+=)[^\s"']{6,}/i

/** A Dockerfile: one instruction a logical line. */
export function checkDockerfile(text: string): readonly ScriptHit[] {
  const hits: ScriptHit[] = []
  let user: string | null = null
  let command: { at: number; end: number } | null = null
  for (const { at, end, line } of instructions(text)) {
    const [, word = '', rest = ''] = /^\s*(\w+)\s+([\s\S]*)$/.exec(line) ?? []
    switch (word.toUpperCase()) {
      case 'FROM':
        ;[user, command] = [null, null]
        break
      case 'USER':
        user = rest.trim()
        break
      case 'CMD':
      case 'ENTRYPOINT':
        command = { at, end }
        break
      case 'ENV':
      case 'ARG':
        if (SECRET_IN_IMAGE.test(rest))
          hits.push({
            at,
            end,
            rule: 'image-secret',
            message: 'Whoever has the image can read the secret, in its history too.',
          })
        break
      case 'RUN':
        if (/\b(?:curl|wget)\b[^|;&]{0,500}\|\s*(?:sudo\s+)?(?:(?:ba|z|da)?sh|python3?|node)\b/.test(rest))
          hits.push({
            at,
            end,
            rule: 'piped-to-shell',
            message: 'Whoever answers the download decides what runs in the image.',
          })
        if (
          /\bcurl\b[^|;&]{0,500}\s(?:--insecure|-k)\b|\bwget\b[^|;&]{0,500}--no-check-certificate/.test(rest)
        )
          hits.push({
            at,
            end,
            rule: 'unverified-download',
            message: 'Whoever is in between can answer the download.',
          })
        if (/\bchmod\s+(?:-R\s+)?0?777\b/.test(rest))
          hits.push({
            at,
            end,
            rule: 'world-writable',
            message: 'Every user of the container may change these files.',
          })
        break
    }
  }
  if (command !== null && (user === null || /^(?:root|0)(?::|$)/.test(user)))
    hits.push({
      ...command,
      rule: 'image-root',
      message: 'Nothing in the image says another user than root.',
    })
  return hits
}

function instructions(text: string): readonly { at: number; end: number; line: string }[] {
  const all: { at: number; end: number; line: string }[] = []
  let at = 0
  let start: number | null = null
  for (const line of text.split('\n')) {
    const end = at + line.length
    if (start !== null || !/^\s*(?:#|$)/.test(line)) {
      start ??= at
      if (!/\\\s*$/.test(line)) {
        all.push({ at: start, end, line: text.slice(start, end).replaceAll(/\\\s*\n/g, ' ') })
        start = null
      }
    }
    at = end + 1
  }
  return all
}
