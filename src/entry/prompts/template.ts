import { BelayError } from '../../errors/catalogue.ts'

/** Characters of one template, and of what is made of a whole prompt. */
export const MAX_TEMPLATE = 200_000
export const MAX_RENDERED = 1_000_000
const MAX_VARIABLES = 200
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/

/** A template cut at its variables: `literals` has one more member than `variables`. */
export interface Template {
  readonly literals: readonly string[]
  readonly variables: readonly string[]
}

export type VariableValue = string | number | boolean
export type Variables = Readonly<Record<string, VariableValue>>

/**
 * Reads `{{ name }}`; a literal `{{` is written `\{{`. There is nothing else: no logic, no code. `where` names the
 * template in faults. Throws `prompt:invalid`.
 */
export function parseTemplate(text: string, where: string): Template {
  if (text.length > MAX_TEMPLATE)
    throw new BelayError('input:too_large', {
      where,
      max: `${MAX_TEMPLATE} characters`,
      got: String(text.length),
    })
  if (!text.isWellFormed()) throw fault(where, 'text in Unicode', 'half of a surrogate pair')
  const literals: string[] = []
  const variables: string[] = []
  let literal = ''
  let from = 0
  for (let open = text.indexOf('{{'); open !== -1; open = text.indexOf('{{', from)) {
    if (text[open - 1] === '\\' && open > from) {
      literal += `${text.slice(from, open - 1)}{{`
      from = open + 2
      continue
    }
    const close = text.indexOf('}}', open)
    const name = close === -1 ? '' : text.slice(open + 2, close).trim()
    if (!NAME.test(name))
      throw fault(
        `${where}, ${placeOf(text, open)}`,
        '{{ name }} with a name of letters, digits and _ (a literal {{ is written \\{{)',
        close === -1 ? 'a {{ that nothing closes' : `{{${text.slice(open + 2, close).slice(0, 40)}}}`,
      )
    literals.push(literal + text.slice(from, open))
    variables.push(name)
    if (variables.length > MAX_VARIABLES)
      throw fault(where, `at most ${MAX_VARIABLES} variables`, 'more of them')
    literal = ''
    from = close + 2
  }
  literals.push(literal + text.slice(from))
  return { literals, variables }
}

/** The text with its variables, which must all be given. Values are put in as they are and never read as templates. */
export function renderTemplate({ literals, variables }: Template, values: Variables): string {
  let text = literals[0] ?? ''
  for (const [index, name] of variables.entries()) text += String(values[name]) + (literals[index + 1] ?? '')
  return text
}

/**
 * Whether the text can be what the template makes of some values: it begins and ends with the fixed parts and has those
 * between in their order. Blanks around the whole may have been cut off.
 */
export function isMadeOf({ literals }: Template, text: string): boolean {
  if (fits(literals, text)) return true
  const cut = [...literals]
  cut[0] = (cut[0] ?? '').trimStart()
  cut.push((cut.pop() ?? '').trimEnd())
  return fits(cut, text.trim())
}

function fits(literals: readonly string[], text: string): boolean {
  const [first = ''] = literals
  if (literals.length === 1) return text === first
  const last = literals.at(-1) ?? ''
  const until = text.length - last.length
  if (until < first.length || !text.startsWith(first) || !text.endsWith(last)) return false
  let from = first.length
  for (const literal of literals.slice(1, -1)) {
    const at = text.indexOf(literal, from)
    if (at === -1) return false
    from = at + literal.length
  }
  return from <= until
}

/** Throws `prompt:variables` unless exactly the variables of the templates are given, each with a bounded value. */
export function checkVariables(name: string, templates: readonly Template[], values: Variables): void {
  const wanted = new Set(templates.flatMap(({ variables }) => variables))
  const missing = [...wanted].filter((variable) => !Object.hasOwn(values, variable))
  const unknown = Object.keys(values).filter((variable) => !wanted.has(variable))
  if (missing.length === 0 && unknown.length === 0) return
  const told = (names: readonly string[]): string => names.slice(0, 10).join(', ').slice(0, 200)
  throw new BelayError('prompt:variables', {
    name,
    expected: wanted.size === 0 ? 'no variables' : told([...wanted].toSorted()),
    cause: [
      ...(missing.length > 0 ? [`missing: ${told(missing)}`] : []),
      ...(unknown.length > 0 ? [`not in the template: ${told(unknown)}`] : []),
    ].join('; '),
  })
}

function fault(where: string, expected: string, got: string): BelayError {
  return new BelayError('prompt:invalid', { where, expected, got })
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n')
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`
}
