import { parse } from 'unbash'
import type {
  AndOr,
  Assignment,
  Command,
  CompoundList,
  CommandExpansionPart,
  ParsedScript,
  Pipeline,
  ProcessSubstitutionPart,
  Redirection,
  Statement,
  SyntaxNode,
  Word,
} from 'unbash'
import { forEachChild } from 'unbash'
import type { Analysis, Invocation } from './analysis.ts'
import { setVariable } from './builtins.ts'
import { expandQuoted, expandText, expandWord } from './expand-word.ts'
import type { Expander } from './expand-word.ts'
import { isLiteral, isKnown, UNKNOWN } from './marks.ts'
import { runProgram } from './run-program.ts'
import { FactCollector, TooMuch } from './fact-collector.ts'
import { blurWhatChanged, mergeInto, subshell } from './scope.ts'
import type { Scope } from './scope.ts'

/** Commands of more words are not followed; loops over more are not followed word by word. */
const MAX_WORDS = 3_000
const LOOPED_WORDS = 8

type Node = Statement['command'] | Statement | CompoundList | ParsedScript

/** Follows a parsed line as a shell would, without running anything. One object a line. */
export class CommandWalk extends FactCollector implements Analysis {
  readonly #pipes = new Map<string, string>()

  runCode(code: string, how: Invocation): string {
    this.readNested(code.length)
    const script = parse(code)
    if (script.errors !== undefined && script.errors.length > 0) {
      this.opaque('code', how.via.at(-1) ?? 'sh')
    }
    return this.deeper(() => this.walkScript(script, how))
  }

  runProgram(argv: readonly string[], how: Invocation): string {
    if (argv.length > MAX_WORDS) throw new TooMuch()
    this.step()
    return this.deeper(() => runProgram(this, argv, how))
  }

  walkScript(script: ParsedScript, how: Invocation): string {
    return this.#all(script.commands, how)
  }

  /** Follows one node and answers what it prints. */
  walk(node: Node, how: Invocation): string {
    this.step()
    return this.deeper(() => this.#walk(node, how))
  }

  #walk(node: Node, how: Invocation): string {
    const { scope } = how
    switch (node.type) {
      case 'Statement':
        return this.walk(node.command, node.background === true ? { ...how, scope: subshell(scope) } : how)
      case 'Command':
        return this.#command(node, how)
      case 'Pipeline':
        return this.#pipeline(node, how)
      case 'AndOr':
        return this.#andOr(node, how)
      case 'CompoundList':
      case 'Script':
        return this.#all(node.commands, how)
      case 'BraceGroup':
        return this.#all(node.body.commands, how)
      case 'Subshell':
        return this.#all(node.body.commands, { ...how, scope: subshell(scope) })
      case 'Redirected':
        return this.#redirected(
          node.redirects,
          how,
          (inside) => this.walk(node.command, inside),
          node.command.type,
        )
      case 'If': {
        this.#all(node.clause.commands, how)
        const branches = [node.then, ...node.elif, ...(node.else === undefined ? [] : [node.else])]
        return this.#either(
          branches.map((branch) => (inside) => {
            if (branch.type === 'CompoundList') return this.#all(branch.commands, inside)
            this.#all(branch.clause.commands, inside)
            return this.#all(branch.then.commands, inside)
          }),
          how,
        )
      }
      case 'Case':
        this.#text(node.word, how)
        for (const item of node.items) for (const word of item.pattern) this.#text(word, how)
        return this.#either(
          node.items.map((item) => (inside) => this.#all(item.body.commands, inside)),
          how,
        )
      case 'For':
      case 'Select':
        return this.#for(node.name.value, node.wordlist, node.body.commands, how)
      case 'While':
        return this.#loop(how, () => {
          this.#all(node.clause.commands, how)
          return this.#all(node.body.commands, how)
        })
      case 'ArithmeticFor':
        this.#inside(node, how, node.body)
        return this.#loop(how, () => this.#all(node.body.commands, how))
      case 'Function':
        scope.functions.set(node.name.value, [node.body])
        return ''
      case 'Coproc':
        return this.walk(node.body, { ...how, scope: subshell(scope), stdin: UNKNOWN })
      case 'TestCommand':
      case 'ArithmeticCommand':
        return this.#inside(node, how)
    }
  }

  #all(statements: readonly Statement[], how: Invocation): string {
    let out = ''
    for (const statement of statements) out += this.walk(statement, how)
    return out.length > 200_000 ? UNKNOWN : out
  }

  #pipeline({ commands }: Pipeline, how: Invocation): string {
    let { stdin } = how
    for (const command of commands) stdin = this.walk(command, { ...how, stdin, scope: subshell(how.scope) })
    return stdin ?? UNKNOWN
  }

  #andOr({ commands, operators }: AndOr, how: Invocation): string {
    const [first, ...rest] = commands
    let out = first === undefined ? '' : this.walk(first, how)
    // What a part that may not run has changed may be so or not, once the chain is over.
    const skipped: Scope[] = []
    for (const [index, command] of rest.entries()) {
      skipped.push(subshell(how.scope))
      if (operators[index] === '||') {
        const inside = subshell(how.scope)
        out += this.walk(command, { ...how, scope: inside })
        mergeInto(how.scope, inside)
      } else out += this.walk(command, how)
    }
    for (const scope of skipped) mergeInto(how.scope, scope)
    return out
  }

  /** Any one of the branches runs, or none. */
  #either(branches: readonly ((how: Invocation) => string)[], how: Invocation): string {
    let out = ''
    const scopes = branches.map((branch) => {
      const scope = subshell(how.scope)
      out += branch({ ...how, scope })
      return scope
    })
    for (const scope of scopes) mergeInto(how.scope, scope)
    return out === '' ? '' : UNKNOWN
  }

  #loop(how: Invocation, body: () => string): string {
    const before = subshell(how.scope)
    const out = body()
    // What one turn changes is unknown to the next.
    if (blurWhatChanged(how.scope, before)) body()
    return out === '' ? '' : UNKNOWN
  }

  #for(
    name: string,
    wordlist: readonly Word[] | undefined,
    body: readonly Statement[],
    how: Invocation,
  ): string {
    const words = wordlist === undefined ? [UNKNOWN] : wordlist.flatMap((word) => this.#words(word, how))
    if (words.length > LOOPED_WORDS) {
      how.scope.vars.set(name, UNKNOWN)
      return this.#loop(how, () => this.#all(body, how))
    }
    let out = ''
    for (const word of words) {
      how.scope.vars.set(name, word)
      out += isKnown(word) ? this.#all(body, how) : this.#loop(how, () => this.#all(body, how))
    }
    return out
  }

  #command(command: Command, how: Invocation): string {
    const { scope } = how
    const argv: string[] = command.name === undefined ? [] : this.#words(command.name, how)
    for (const arg of command.args) {
      if (arg.type === 'Word') argv.push(...this.#words(arg, how))
      else argv.push(`${arg.name}${arg.append === true ? '+' : ''}=${this.#value(arg, how)}`)
    }
    const assignments = command.prefix.filter((each) => each.type === 'Assignment')
    return this.#redirected(
      command.redirects,
      how,
      (inside) => {
        if (argv.length === 0) {
          for (const assignment of assignments) this.#assign(assignment, inside.scope, inside)
          return command.redirects.length > 0 && command.redirects.every((each) => each.operator === '<')
            ? UNKNOWN
            : ''
        }
        // Assignments before a command are its own, but its environment may start programs.
        const own = assignments.length === 0 ? scope : subshell(scope)
        for (const assignment of assignments) this.#assign(assignment, own, inside)
        const out = this.runProgram(argv, { ...inside, scope: own })
        if (own !== scope) scope.cwd = own.cwd
        return out
      },
      argv[0] ?? '',
    )
  }

  #assign(assignment: Assignment, scope: Scope, how: Invocation): void {
    const { name, append, index } = assignment
    if (index !== undefined) {
      this.#text(index, how)
      this.#value(assignment, how)
      scope.vars.set(name, UNKNOWN)
      return
    }
    if (assignment.value.type === 'ArrayValue') {
      const known = scope.vars.get(name)
      const before = append === true && Array.isArray(known) ? (known as readonly string[]) : []
      scope.vars.set(name, [
        ...before,
        ...assignment.value.elements.flatMap((word) => this.#words(word, how)),
      ])
      return
    }
    setVariable(this, scope, name, this.#value(assignment, how), append === true)
  }

  #value(assignment: Assignment, how: Invocation): string {
    const { value } = assignment
    if (value.type === 'Word') return this.#text(value, how)
    return value.elements.flatMap((word) => this.#words(word, how)).join(' ')
  }

  #redirected(
    redirects: readonly Redirection[],
    how: Invocation,
    run: (how: Invocation) => string,
    program: string,
  ): string {
    let { stdin } = how
    const outputs: string[] = []
    for (const redirect of redirects) {
      if (redirect.type === 'HereDoc') {
        const { body } = redirect
        const text = body.parts === undefined ? body.text : expandQuoted(body.parts, this.#expander(how))
        stdin = redirect.operator === '<<-' ? text.replaceAll(/^\t+/gm, '') : text
      } else if (redirect.type === 'HereString') {
        stdin = redirect.target === undefined ? '' : `${this.#text(redirect.target, how)}\n`
      } else if (redirect.target !== undefined) {
        const target = this.#text(redirect.target, how)
        const { operator, descriptor } = redirect
        if ((operator === '>&' || operator === '<&') && /^(?:\d+-?|-)$/.test(target)) continue
        if (operator === '<') {
          const fd = descriptor?.type === 'FileDescriptor' ? descriptor.value : 0
          this.#device(target, program)
          this.usePath('read', target, program, how.scope)
          if (fd === 0) stdin = this.#contentOf(target, how.scope)
        } else {
          this.#device(target, program)
          if (/^\/dev\/(?:null|stdout|stderr|stdin|tty|fd\/\d+)$/.test(target)) continue
          this.usePath('write', target, program, how.scope)
          outputs.push(target)
        }
      }
    }
    const out = run({ ...how, stdin })
    for (const target of outputs) {
      const sink = this.#pipes.get(target)
      if (sink !== undefined) continue
      for (const path of this.places(target, how.scope)) {
        const earlier = this.files.get(path)
        const content = earlier !== undefined && 'content' in earlier ? earlier.content + out : out
        this.files.set(path, { content: out === '' ? UNKNOWN : content })
      }
    }
    return outputs.length > 0 ? '' : out
  }

  /** bash opens network connections by file name. */
  #device(target: string, program: string): void {
    const match = /^\/dev\/(?:tcp|udp)\/([^/]*)/.exec(target)
    if (match === null) return
    this.useHost(isLiteral(match[1]!) ? match[1]! : UNKNOWN, program)
    this.hazard('opens_shell', program)
  }

  #contentOf(written: string, scope: Scope): string {
    const pipe = this.#pipes.get(written)
    if (pipe !== undefined) return pipe
    const [place, second] = this.places(written, scope)
    const known = place === undefined || second !== undefined ? undefined : this.files.get(place)
    return known !== undefined && 'content' in known ? known.content : UNKNOWN
  }

  #words(word: Word, how: Invocation): string[] {
    return expandWord(word, this.#expander(how))
  }

  #text(word: Word, how: Invocation): string {
    return expandText(word, this.#expander(how))
  }

  #expander(how: Invocation): Expander {
    const { scope } = how
    return {
      variable: (name) => {
        this.step()
        if (scope.positional !== null) {
          if (name === '@' || name === '*') return scope.positional
          if (/^[1-9]\d{0,2}$/.test(name)) return scope.positional[Number(name) - 1] ?? ''
        }
        return scope.vars.get(name)
      },
      assign: (name, value) => scope.vars.set(name, value),
      substitution: (part) => this.#substitution(part, { ...how, scope: subshell(scope) }),
      process: (part) => this.#process(part, { ...how, scope: subshell(scope) }),
      arithmetic: (part) => void this.#inside(part, how),
    }
  }

  #substitution(part: CommandExpansionPart, how: Invocation): string {
    const script = this.#nested(part)
    if (script === undefined) return UNKNOWN
    // `$(< file)` prints the file.
    const [only] = script.commands
    if (script.commands.length === 1 && only?.command.type === 'Command') {
      const { name, prefix, redirects } = only.command
      const [redirect] = redirects
      if (
        name === undefined &&
        prefix.length === 1 &&
        redirect?.type === 'Redirect' &&
        redirect.operator === '<' &&
        redirect.target !== undefined
      ) {
        const target = this.#text(redirect.target, how)
        this.usePath('read', target, 'cat', how.scope)
        return this.#contentOf(target, how.scope)
      }
    }
    return this.deeper(() => this.walkScript(script, how))
  }

  #process(part: ProcessSubstitutionPart, how: Invocation): string {
    const script = this.#nested(part)
    const name = `/dev/fd/${63 + this.#pipes.size}`
    const out =
      script === undefined
        ? UNKNOWN
        : this.deeper(() => this.walkScript(script, part.operator === '>' ? { ...how, stdin: UNKNOWN } : how))
    this.#pipes.set(name, part.operator === '<' ? out : '')
    if (part.operator === '<') this.files.set(name, { content: out })
    return name
  }

  #nested(part: CommandExpansionPart | ProcessSubstitutionPart): ParsedScript | undefined {
    // The parser reads a nested script when it is asked for; deep ones are read once a level.
    this.readNested(part.text.length)
    const { script } = part
    if (script?.errors !== undefined && script.errors.length > 0) this.opaque('code', 'sh')
    return script
  }

  /** Finds the words and substitutions inside tests and arithmetic. */
  #inside(node: SyntaxNode, how: Invocation, except?: SyntaxNode): string {
    this.step()
    return this.deeper(() => {
      forEachChild(node, (child) => {
        if (child === except) return
        if (child.type === 'Word') this.#text(child, how)
        else if (child.type === 'CommandExpansion')
          this.#substitution(child, { ...how, scope: subshell(how.scope) })
        else if (child.type === 'ArithmeticCommandExpansion') {
          this.readNested(child.text.length)
          if (child.script !== undefined)
            this.walkScript(child.script, { ...how, scope: subshell(how.scope) })
        } else if (child.type === 'Script') this.walk(child, how)
        else this.#inside(child, how)
      })
      return ''
    })
  }
}
