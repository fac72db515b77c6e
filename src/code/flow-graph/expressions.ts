import type { ClassInfo, FunctionInfo, Variable } from './functions.ts'

/** Where a node lies in its module's text: offsets in UTF-16 code units, end exclusive. */
export interface Span {
  readonly at: number
  readonly end: number
}

/** A constant: string, number, boolean, null (`None`), or undefined. */
export interface Literal extends Span {
  readonly kind: 'literal'
  readonly value: string | number | boolean | null | undefined
}

/** A regular expression literal, or Python's `re.compile('…')` with a constant pattern. */
export interface Regex extends Span {
  readonly kind: 'regex'
  readonly pattern: string
  readonly flags: string
}

/** A template or f-string: `parts.length === values.length + 1`. `tag` is a tagged template's function. */
export interface Template extends Span {
  readonly kind: 'template'
  readonly parts: readonly string[]
  readonly values: readonly Expression[]
  readonly tag: Expression | null
}

/** A use of a name. The front end binds it: `variable` is null for globals and unresolved names only. */
export interface Name extends Span {
  readonly kind: 'name'
  readonly name: string
  variable: Variable | null
}

/** `this` (Python front ends turn the first parameter of a method into it) or `super`. */
export interface This extends Span {
  readonly kind: 'this' | 'super'
}

/** `object.property` (property set, key null) or `object[key]` (property set too when the key is constant). */
export interface Member extends Span {
  readonly kind: 'member'
  readonly object: Expression
  readonly property: string | null
  readonly key: Expression | null
  readonly optional: boolean
}

/**
 * A call or construction. `targets` and `api` are filled in by the analysis, before packs run:
 * - `targets`: the functions of the program that it may enter (several when a value may be several functions);
 * - `api`: what is called, when it is outside the program: `fs.readFile`, `child_process.exec`,
 *   `express().get`, `pg.Client().query`, `JSON.parse`, `@prisma/client.PrismaClient().user.findMany`. A module's
 *   name, then the members and `()` that lead to the callee; `node:` prefixes are dropped. Null when unknown.
 */
export interface Call extends Span {
  readonly kind: 'call'
  readonly callee: Expression
  readonly args: readonly Expression[]
  /** Names of keyword arguments, beside `args`; absent where there are none (always, in JavaScript). */
  readonly names?: readonly (string | null)[]
  readonly construct: boolean
  readonly optional: boolean
  targets: readonly FunctionInfo[]
  api: string | null
}

/** A property of an object literal or dictionary: `key` constant or null, then `computed`; or a spread. */
export interface Property extends Span {
  readonly key: string | null
  readonly computed: Expression | null
  readonly value: Expression
  readonly spread: boolean
}

export interface ObjectLiteral extends Span {
  readonly kind: 'object'
  readonly properties: readonly Property[]
}

/** A list, tuple or set literal; holes are null; spreads are `Spread`. */
export interface ArrayLiteral extends Span {
  readonly kind: 'array'
  readonly elements: readonly (Expression | null)[]
}

export interface FunctionExpression extends Span {
  readonly kind: 'function'
  readonly function: FunctionInfo
}

export interface ClassExpression extends Span {
  readonly kind: 'class'
  readonly class: ClassInfo
}

/** Operators are JavaScript's; a Python front end maps `==`, `is` to `===`, `not in` to a `!` around `in`. */
export interface Binary extends Span {
  readonly kind: 'binary'
  readonly operator: string
  readonly left: Expression
  readonly right: Expression
}

export interface Logical extends Span {
  readonly kind: 'logical'
  readonly operator: '&&' | '||' | '??'
  readonly left: Expression
  readonly right: Expression
}

/** `!`, `-`, `+`, `~`, `typeof`, `void`, `delete`, and `++` and `--` (before or after alike). */
export interface Unary extends Span {
  readonly kind: 'unary'
  readonly operator: string
  readonly operand: Expression
}

export interface Conditional extends Span {
  readonly kind: 'conditional'
  readonly test: Expression
  readonly then: Expression
  readonly otherwise: Expression
}

/** `target = value`, `target += value` (`operator` without spaces). */
export interface Assign extends Span {
  readonly kind: 'assign'
  readonly operator: string
  readonly target: Pattern
  readonly value: Expression
}

export interface Await extends Span {
  readonly kind: 'await'
  readonly value: Expression
}

export interface Yield extends Span {
  readonly kind: 'yield'
  readonly value: Expression | null
  readonly delegate: boolean
}

export interface Spread extends Span {
  readonly kind: 'spread'
  readonly value: Expression
}

export interface Sequence extends Span {
  readonly kind: 'sequence'
  readonly expressions: readonly Expression[]
}

/** `import(…)`. */
export interface DynamicImport extends Span {
  readonly kind: 'import'
  readonly source: Expression
}

/** A JSX element; text children are literals. `name` is the tag's text (`div`, `Link`, `Foo.Bar`). */
export interface Element extends Span {
  readonly kind: 'element'
  readonly name: string
  readonly component: Expression | null
  readonly attributes: readonly Property[]
  readonly children: readonly Expression[]
}

/** Anything a front end has no word for: its parts are still evaluated, and a taint in one is in the whole. */
export interface Unknown extends Span {
  readonly kind: 'unknown'
  readonly parts: readonly Expression[]
}

export type Expression =
  | Literal
  | Regex
  | Template
  | Name
  | This
  | Member
  | Call
  | ObjectLiteral
  | ArrayLiteral
  | FunctionExpression
  | ClassExpression
  | Binary
  | Logical
  | Unary
  | Conditional
  | Assign
  | Await
  | Yield
  | Spread
  | Sequence
  | DynamicImport
  | Element
  | Unknown

export interface PatternProperty extends Span {
  readonly key: string | null
  readonly computed: Expression | null
  readonly target: Pattern
}

export interface ObjectPattern extends Span {
  readonly kind: 'object-pattern'
  readonly properties: readonly PatternProperty[]
  readonly rest: Pattern | null
}

export interface ArrayPattern extends Span {
  readonly kind: 'array-pattern'
  readonly elements: readonly (Pattern | null)[]
  readonly rest: Pattern | null
}

export interface DefaultPattern extends Span {
  readonly kind: 'default-pattern'
  readonly target: Pattern
  readonly value: Expression
}

/** What can be assigned to: a name, a member, or a destructuring of them. */
export type Pattern = Name | Member | ObjectPattern | ArrayPattern | DefaultPattern
