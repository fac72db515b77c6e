import { namedChildren, type SyntaxNode } from '../front-ends/syntax-tree.ts'
import type { Harm, Language, Sink } from './language.ts'

/** A value that somebody outside decides about, on its way through one function. */
export interface Taint {
  readonly steps: readonly TaintStep[]
  /** Where it comes in: the request, or a parameter of the function. */
  readonly from: { readonly what: string } | { readonly parameter: number }
  /** What it can no longer do harm as. */
  readonly cleared: ReadonlySet<Harm>
}

export interface TaintStep {
  readonly node: SyntaxNode
  readonly message: string
}

export interface Hit {
  readonly sink: Sink
  readonly node: SyntaxNode
  readonly taint: Taint
  readonly callee: string
}

/** What a function does with its parameters: for callers in the same project. */
export interface Summary {
  readonly name: string
  readonly hits: readonly Hit[]
  /** What it gives back: its parameters' taints, or one of its own. */
  readonly returns: readonly Taint[]
}

export type Summaries = ReadonlyMap<string, Summary>

const FUNCTION =
  /^(?:function_declaration|method_declaration|function_definition|method|singleton_method|constructor_declaration|local_function_statement|program|source_file|compilation_unit)$/
const CALL =
  /^(?:call_expression|method_invocation|object_creation_expression|function_call_expression|member_call_expression|scoped_call_expression|nullsafe_member_call_expression|call|invocation_expression|include_expression|include_once_expression|require_expression|require_once_expression|echo_statement|print_intrinsic|shell_command_expression|subshell)$/
const ASSIGN =
  /^(?:short_var_declaration|var_spec|const_spec|assignment_statement|variable_declarator|assignment_expression|augmented_assignment_expression|assignment|operator_assignment|range_clause|enhanced_for_statement|foreach_statement|for)$/
const SOURCE =
  /^(?:call_expression|method_invocation|function_call_expression|member_call_expression|scoped_call_expression|call|invocation_expression|subscript_expression|index_expression|element_reference|element_access_expression|selector_expression|member_access_expression|field_access|variable_name|identifier)$/
const NAME = /^(?:identifier|variable_name|field_identifier|constant|instance_variable|global_variable)$/
const MEMBER = /^(?:member_access_expression|selector_expression|field_access)$/
const INDEX =
  /^(?:subscript_expression|index_expression|element_reference|element_access_expression|array_access)$/
/** `FEEDS.get(key)`: methods of tables, and no functions of packages and classes, which take what they want. */
const LOOKUP = /(?:^|\.)(?:this\.)?(?:[a-z]\w*|[A-Z][A-Z\d_]*)\.(?:get|getOrDefault|fetch|GetValueOrDefault)$/
const CONDITION = /^(?:if_statement|if|unless|if_modifier|unless_modifier)$/
const LEAVES = /\b(?:return|throw|raise|die|exit|abort|panic|redirect_to|head|halt|continue|next|break)\b/
const GUARD =
  /valid|allow|safe|match|contains|in_array|ctype|is_numeric|include\?|sanit|check|permit|whitelist|startswith|hasprefix|canonical|is_file|isLocal/i
const COMPARES = new Set([
  '==',
  '!=',
  '===',
  '!==',
  '<',
  '>',
  '<=',
  '>=',
  '<=>',
  'instanceof',
  'in',
  '=~',
  '!~',
])

const MAX_TEXT = 600
const MAX_STEPS = 12
const MAX_DEPTH = 300

/** Follows values through each function of a file, in the order of the code, without types. */
export class LocalTaint {
  readonly #language: Language
  readonly #text: string
  readonly #summaries: Summaries
  readonly #sinks: readonly Sink[]
  #values = new Map<string, Taint>()
  #hits: Hit[] = []
  #returns: Taint[] = []

  constructor(language: Language, text: string, summaries: Summaries) {
    this.#language = language
    this.#text = text
    this.#summaries = summaries
    this.#sinks = language.sinks.filter(({ needs }) => needs === undefined || needs.test(text))
  }

  /** One summary for each function and one, without a name, for what stands outside of any. */
  run(root: SyntaxNode): readonly Summary[] {
    const functions: SyntaxNode[] = []
    const gather = (node: SyntaxNode, depth: number): void => {
      if (FUNCTION.test(node.type)) functions.push(node)
      if (depth < MAX_DEPTH) for (const child of node.children) gather(child, depth + 1)
    }
    gather(root, 0)
    return functions.map((node) => this.#function(node))
  }

  #function(node: SyntaxNode): Summary {
    this.#values = new Map()
    this.#hits = []
    this.#returns = []
    const list = node.children.find((child) => child.field === 'parameters')
    if (list !== undefined)
      for (const [index, each] of namedChildren(list).entries()) this.#parameter(each, index)
    for (const child of node.children) if (child !== list) this.#visit(child, 0)
    const name = node.children.find((child) => child.field === 'name')
    return { name: name === undefined ? '' : this.#of(name), hits: this.#hits, returns: this.#returns }
  }

  #parameter(node: SyntaxNode, index: number): void {
    const names = node.children.filter((child) => child.field === 'name')
    const all = names.length > 0 ? names : NAME.test(node.type) ? [node] : []
    const given = this.#language.parameters
    const filled = given?.text.test(this.#of(node)) === true
    for (const name of all)
      this.#values.set(this.#of(name), {
        from: filled ? { what: given.what } : { parameter: index },
        steps: [{ node: name, message: filled ? given.what : 'a parameter' }],
        cleared: new Set(),
      })
  }

  #visit(node: SyntaxNode, depth: number): void {
    // Functions inside of this one are visited by themselves; closures belong to it.
    if (depth > MAX_DEPTH || (FUNCTION.test(node.type) && depth > 0)) return
    if (CALL.test(node.type)) this.#call(node)
    for (const child of node.children) this.#visit(child, depth + 1)
    if (ASSIGN.test(node.type)) this.#assign(node)
    if (CONDITION.test(node.type)) this.#guard(node)
    if (/^return(?:_statement)?$/.test(node.type))
      for (const child of namedChildren(node)) {
        const taint = this.#value(child, 0)
        if (taint !== null) this.#returns.push(taint)
      }
  }

  #call(node: SyntaxNode): void {
    const { callee, args } = this.#parts(node)
    for (const sink of this.#sinks) {
      if (!sink.callee.test(callee)) continue
      for (const arg of this.#dangerous(sink, args)) this.#reach(sink, node, callee, this.#value(arg, 0))
      // `text.html_safe`: what it is called on is what it is about.
      if (args.length === 0 && sink.harm === 'cross-site-scripting')
        this.#reach(sink, node, callee, this.#receiver(node))
    }
    const summary = this.#summaries.get(lastName(callee))
    if (summary === undefined) return
    for (const hit of summary.hits) {
      if (!('parameter' in hit.taint.from)) continue
      const arg = args[hit.taint.from.parameter]
      const taint = arg === undefined ? null : this.#value(arg, 0)
      if (taint === null) continue
      const through = {
        ...taint,
        steps: [...taint.steps, { node, message: `passed to ${lastName(callee)}` }],
        cleared: new Set([...taint.cleared, ...hit.taint.cleared]),
      }
      if (!through.cleared.has(hit.sink.harm))
        this.#hits.push({ sink: hit.sink, node, callee: lastName(callee), taint: through })
    }
  }

  /** The arguments that must not come from outside; of a list that starts a program, the program. */
  #dangerous(sink: Sink, args: readonly SyntaxNode[]): readonly SyntaxNode[] {
    const [first] = args
    const list = first !== undefined && sink.harm === 'command-injection' ? elements(first) : null
    const given = list ?? args
    const { after } = sink
    if (after === undefined)
      return sink.args === undefined
        ? given
        : given.filter((_, index) => (list === null ? sink.args?.includes(index) : index === 0))
    return given.filter((arg, index) => index > 0 && after.test(this.#of({ at: given[0]!.at, end: arg.at })))
  }

  #reach(sink: Sink, node: SyntaxNode, callee: string, taint: Taint | null): void {
    if (taint !== null && !taint.cleared.has(sink.harm)) this.#hits.push({ sink, node, taint, callee })
  }

  #receiver(node: SyntaxNode): Taint | null {
    const object = node.children.find((child) =>
      /^(?:object|receiver|operand|expression)$/.test(child.field ?? ''),
    )
    return object === undefined ? null : this.#value(object, 0)
  }

  /** What is called, without arguments, and the arguments. */
  #parts(node: SyntaxNode): { callee: string; args: readonly SyntaxNode[] } {
    const list = node.children.find(
      (child) => child.field === 'arguments' || /^(?:arguments|argument_list)$/.test(child.type),
    )
    if (list !== undefined)
      return {
        callee: this.#of({ at: node.at, end: list.at }).trim(),
        args: namedChildren(list).map(unwrapped),
      }
    if (node.type === 'subshell' || node.type === 'shell_command_expression')
      return { callee: '`', args: [node] }
    if (/^(?:echo|print|include|require)/.test(node.type))
      return { callee: /^\w+/.exec(this.#of(node))?.[0].toLowerCase() ?? '', args: namedChildren(node) }
    return { callee: this.#of(node), args: [] }
  }

  #assign(node: SyntaxNode): void {
    let left = node.children.filter((child) => /^(?:left|name|pattern)$/.test(child.field ?? ''))
    let right = node.children.find((child) => /^(?:right|value)$/.test(child.field ?? ''))
    if (node.type === 'foreach_statement' && left.length === 0) {
      const [iterable, ...targets] = namedChildren(node).filter((child) => child.field !== 'body')
      ;[right, left] = [iterable, targets]
    }
    if (right === undefined && node.type === 'variable_declarator') {
      const last = namedChildren(node).at(-1)
      if (last !== undefined && !left.includes(last)) right = last
    }
    if (right === undefined) return
    const taint = this.#value(right, 0)
    const adds = /[+.|]=|<</.test(this.#of({ at: left.at(-1)?.end ?? node.at, end: right.at }))
    for (const target of left.flatMap((each) => this.#targets(each))) {
      const name = this.#of(target)
      if (MEMBER.test(target.type))
        for (const sink of this.#sinks) if (sink.callee.test(name)) this.#reach(sink, node, name, taint)
      if (taint !== null)
        this.#values.set(name, { ...taint, steps: stepped(taint, target, `kept as ${name}`) })
      else if (!adds) this.#values.delete(name)
    }
  }

  #targets(node: SyntaxNode): readonly SyntaxNode[] {
    if (NAME.test(node.type) || MEMBER.test(node.type)) return [node]
    if (INDEX.test(node.type)) return namedChildren(node).slice(0, 1)
    return namedChildren(node).flatMap((child) => this.#targets(child))
  }

  /** `if (!valid(x)) return`: what was tested is safe from there on. */
  #guard(node: SyntaxNode): void {
    const condition = node.children.find((child) => child.field === 'condition') ?? namedChildren(node)[0]
    if (condition === undefined) return
    const test = this.#of(condition)
    if (
      !GUARD.test(test) ||
      !LEAVES.test(this.#text.slice(condition.end, Math.min(node.end, condition.end + 2_000)))
    )
      return
    for (const name of this.#values.keys()) if (mentions(test, name)) this.#values.delete(name)
  }

  #value(node: SyntaxNode, depth: number): Taint | null {
    if (depth > MAX_DEPTH || FUNCTION.test(node.type)) return null
    const { type } = node
    if (SOURCE.test(type) && node.end - node.at <= MAX_TEXT) {
      const text = this.#of(node)
      if (NAME.test(type)) {
        const known = this.#values.get(text)
        if (known !== undefined) return known
      }
      const source = this.#language.sources.find((each) => each.text.test(text))
      if (source !== undefined)
        return {
          from: { what: source.what },
          steps: [{ node, message: `comes from ${source.what}` }],
          cleared: new Set(),
        }
      const kept = MEMBER.test(type) ? this.#values.get(text) : undefined
      if (kept !== undefined) return kept
      if (NAME.test(type)) return null
    }
    if (CALL.test(type)) return this.#result(node, depth)
    // Whoever chooses the key chooses among what is there.
    if (INDEX.test(type)) return this.#first(namedChildren(node).slice(0, 1), depth)
    if (
      /cast/.test(type) &&
      /^\(\s*(?:int|integer|float|double|bool|boolean|long|short|byte)\s*\)/i.test(
        this.#of(node).slice(0, 20),
      )
    )
      return null
    if (/binary|infix/.test(type)) {
      const operator = node.children.find((child) => child.field === 'operator')
      if (operator !== undefined && COMPARES.has(this.#of(operator))) return null
    }
    if (/^(?:lambda|arrow_function|anonymous_function|func_literal|block|do_block)/.test(type)) return null
    return this.#first(namedChildren(node), depth)
  }

  #first(nodes: readonly SyntaxNode[], depth: number): Taint | null {
    let best: Taint | null = null
    for (const each of nodes) {
      const taint = this.#value(each, depth + 1)
      // One from outside says more than one that depends on the caller.
      if (taint !== null && (best === null || ('parameter' in best.from && 'what' in taint.from)))
        best = taint
    }
    return best
  }

  #result(node: SyntaxNode, depth: number): Taint | null {
    const { callee, args } = this.#parts(node)
    const safe = this.#language.safe.find((each) => each.callee.test(callee))
    if (safe !== undefined && safe.for === undefined) return null
    const own = this.#summaries.get(lastName(callee))
    if (own !== undefined) {
      const [given] = own.returns
      if (given === undefined) return null
      if ('what' in given.from)
        return {
          ...given,
          steps: [{ node, message: `comes from ${given.from.what}, by ${lastName(callee)}` }],
        }
      const arg = args[given.from.parameter]
      return arg === undefined ? null : this.#value(arg, depth + 1)
    }
    const inner =
      args[0] === node
        ? namedChildren(node)
        : [
            ...(LOOKUP.test(callee) ? args.slice(1) : args),
            ...node.children.filter((child) =>
              /^(?:object|receiver|function|scope)$/.test(child.field ?? ''),
            ),
          ]
    const taint = this.#first(inner, depth)
    if (taint === null || safe?.for === undefined) return taint
    return { ...taint, cleared: new Set([...taint.cleared, ...safe.for]) }
  }

  #of({ at, end }: { readonly at: number; readonly end: number }): string {
    return this.#text.slice(at, Math.min(end, at + MAX_TEXT))
  }
}

function stepped({ steps }: Taint, node: SyntaxNode, message: string): readonly TaintStep[] {
  return steps.length >= MAX_STEPS ? steps : [...steps, { node, message }]
}

function unwrapped(node: SyntaxNode): SyntaxNode {
  return node.type === 'argument' && namedChildren(node).length === 1 ? namedChildren(node)[0]! : node
}

/** What a list stands for that is written where it is passed; null for anything else. */
function elements(node: SyntaxNode): readonly SyntaxNode[] | null {
  const list =
    node.type === 'array_creation_expression' || node.type === 'implicit_array_creation_expression'
      ? node.children.find((child) => /^(?:array_initializer|initializer_expression)$/.test(child.type))
      : node.type === 'array'
        ? node
        : undefined
  return list === undefined ? null : namedChildren(list).map(unwrapped)
}

export function lastName(callee: string): string {
  return /(\w+)\??$/.exec(callee)?.[1] ?? ''
}

function mentions(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    if (!/\w/.test(text.charAt(at + name.length)) && !/\w/.test(text.charAt(at - 1))) return true
  }
  return false
}
