/**
 * ESTree and TS-ESTree nodes as oxc-parser gives them, seen through one interface: which fields are there depends on
 * `type`. A field that is a list in some nodes and a node in others is read with `listOf`.
 */
export interface Ast {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly name: string
  readonly value: Ast
  readonly body: Ast
  readonly id: Ast | null
  readonly params: readonly Ast[]
  readonly key: Ast
  readonly left: Ast
  readonly right: Ast
  readonly object: Ast
  readonly property: Ast
  readonly argument: Ast | null
  readonly arguments: readonly Ast[]
  readonly callee: Ast
  readonly elements: readonly (Ast | null)[]
  readonly properties: readonly Ast[]
  readonly computed: boolean
  readonly optional: boolean
  readonly kind: string
  readonly static: boolean
  readonly async: boolean
  readonly generator: boolean
  readonly await: boolean
  readonly delegate: boolean
  readonly operator: string
  readonly expression: Ast
  readonly expressions: readonly Ast[]
  readonly test: Ast | null
  readonly consequent: Ast
  readonly alternate: Ast | null
  readonly quasi: Ast
  readonly quasis: readonly Ast[]
  readonly tag: Ast
  readonly declarations: readonly Ast[]
  readonly init: Ast | null
  readonly update: Ast | null
  readonly cases: readonly Ast[]
  readonly discriminant: Ast
  readonly block: Ast
  readonly handler: Ast | null
  readonly finalizer: Ast | null
  readonly param: Ast | null
  readonly parameter: Ast
  readonly label: Ast | null
  readonly source: Ast | null
  readonly specifiers: readonly Ast[]
  readonly local: Ast
  readonly imported: Ast
  readonly exported: Ast | null
  readonly exportKind: string
  readonly importKind: string
  readonly declaration: Ast | null
  readonly declare: boolean
  readonly superClass: Ast | null
  readonly decorators: readonly Ast[] | undefined
  readonly typeAnnotation: Ast | null | undefined
  readonly regex: { readonly pattern: string; readonly flags: string } | undefined
  readonly directive: string | null | undefined
  readonly children: readonly Ast[]
  readonly openingElement: Ast
  readonly attributes: readonly Ast[]
  readonly members: readonly Ast[]
  readonly moduleReference: Ast
  readonly tail: boolean
}

/** A field that holds a list in this kind of node. */
export function listOf(field: Ast | readonly Ast[] | null | undefined): readonly Ast[] {
  return Array.isArray(field) ? (field as readonly Ast[]) : []
}

/** A field that holds a constant in this kind of node. */
export function constantOf(field: unknown): string | number | boolean | null | undefined {
  if (typeof field === 'bigint') return String(field)
  return typeof field === 'object' || typeof field === 'function' || typeof field === 'symbol'
    ? null
    : (field as string | number | boolean | undefined)
}
