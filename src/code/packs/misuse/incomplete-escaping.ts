import type { Call, Expression } from '../../flow-graph/expressions.ts'
import { walkFunction, type Node } from '../../flow-graph/walk.ts'
import { textOf } from '../../flow-graph/module.ts'
import type { Hit, Rule } from '../rule.ts'
import { modulesWith } from './calls.ts'
import { replaced } from './edits.ts'

/** What is replaced to make a text safe: quotes, markup, wildcards, steps out of a folder. */
const META = /^(?:['"`<>&\\*$|;]|\/?\.\.\/?|\.\.\\)$/
/** What it is replaced by then: nothing, a backslash before it, the same twice, a named character. */
const SAFE = /^$|^\\|^(['"`])\1$|^&(?:#\w+|\w+);$|^%[0-9a-f]{2}$/i

export const INCOMPLETE_ESCAPING: Rule = {
  info: {
    id: 'misuse/incomplete-escaping',
    title: 'Only the first one is escaped',
    cwe: 'CWE-116',
    tags: ['OWASP A03:2021'],
    severity: 'warning',
    help: 'Use `replaceAll`, or an expression with the flag `g`; to keep a path inside a folder, compare the resolved path.',
  },
  *find(effects) {
    for (const module of modulesWith(effects, /\.replace\(/))
      for (const within of module.functions) {
        const found: Hit[] = []
        walkFunction(within, (node, around) => {
          if (node.kind !== 'call' || !replacesOnce(node) || isRepeated(node, around)) return
          const { callee } = node
          if (callee.kind !== 'member') return
          const at = callee.object.end
          const name = module.text.indexOf('replace', at)
          found.push({
            module,
            span: node,
            message: `\`replace\` takes the first \`${textOf(module, node.args[0] as Expression)}\` alone: a second one stays as it is.`,
            ...(node.args[0]?.kind === 'literal' && name >= at && name < callee.end
              ? { edits: [replaced(module, { at: name, end: name + 'replace'.length }, 'replaceAll')] }
              : {}),
          })
        })
        yield* found
      }
  },
}

function replacesOnce({ callee, args }: Call): boolean {
  const [pattern, by] = args
  if (callee.kind !== 'member' || callee.property !== 'replace' || pattern === undefined) return false
  if (by?.kind !== 'literal' || typeof by.value !== 'string' || !SAFE.test(by.value)) return false
  // A quote or slash at an end is taken off there.
  if (pattern.kind === 'literal' && typeof pattern.value === 'string')
    return META.test(pattern.value) && !(by.value === '' && /^['"`$*&|;\\]$/.test(pattern.value))
  if (pattern.kind !== 'regex' || pattern.flags.includes('g') || pattern.flags.includes('y')) return false
  const plain = pattern.pattern.replace(/\\(\W)/g, '$1')
  return META.test(plain) && by.value !== ''
}

/** `while (text.includes('../')) text = text.replace('../', '')`, and a replacement that is one of a chain of the same. */
function isRepeated(node: Call, around: readonly Node[]): boolean {
  if (around.some((each) => each.kind === 'loop' && each.form !== 'of' && each.form !== 'in')) return true
  const { callee } = node
  const inner = callee.kind === 'member' ? callee.object : null
  const before = inner?.kind === 'call' ? inner : null
  return before !== null && replacesOnce(before) && sameText(before.args[0], node.args[0])
}

function sameText(a: Expression | undefined, b: Expression | undefined): boolean {
  return a?.kind === 'literal' && b?.kind === 'literal' && a.value === b.value
}
