import type { Grammar } from '../front-ends/syntax-tree.ts'

/** What an untrusted value does harm as; the rule is `value-flow/` with this name. */
export type Harm =
  | 'sql-injection'
  | 'command-injection'
  | 'code-injection'
  | 'path-traversal'
  | 'cross-site-scripting'
  | 'open-redirect'
  | 'request-forgery'
  | 'unsafe-deserialisation'
  | 'ldap-injection'
  | 'xpath-injection'

/** A call (or assignment to a property) that an untrusted value must not reach. */
export interface Sink {
  /** On the text of what is called, without its arguments. */
  readonly callee: RegExp
  readonly harm: Harm
  /** Positions of the dangerous arguments; all when absent. */
  readonly args?: readonly number[]
  /** On the text of the arguments in front: `sh -c` makes a command of what follows. */
  readonly after?: RegExp
  /** Only in a file whose text has this: names alone say little where types are unknown. */
  readonly needs?: RegExp
}

/** The end of arguments after which a shell, or another interpreter, takes the next for what it runs. */
export const SHELL =
  /["'](?:[^"'\s]{0,80}\/)?(?:(?:ba|z|da|k)?sh|cmd(?:\.exe)?|powershell(?:\.exe)?|pwsh)["']\s*,\s*["'](?:-\w{0,4}c|\/c|-Command)["']\s*,\s*$/i

/** A construct that is wrong whatever reaches it. */
export interface Pattern {
  readonly rule: string
  /** Types of nodes that it is looked for in. */
  readonly nodes: RegExp
  /** On the text of the node. */
  readonly text: RegExp
  readonly message: string
}

/** A language that is read by its grammar alone, without types: few rules, chosen to be right. */
export interface Language {
  readonly name: string
  readonly grammar: Grammar
  readonly files: RegExp
  /** Expressions that somebody outside decides about, as whole texts. */
  readonly sources: readonly { readonly text: RegExp; readonly what: string }[]
  /** Parameters that a framework fills from the request, by their text. */
  readonly parameters?: { readonly text: RegExp; readonly what: string }
  readonly sinks: readonly Sink[]
  /** Calls whose result is harmless: entirely, or as one thing. */
  readonly safe: readonly { readonly callee: RegExp; readonly for?: readonly Harm[] }[]
  readonly patterns: readonly Pattern[]
}
