import type { Expression, Span } from '../flow-graph/expressions.ts'
import type { ClassInfo, FunctionInfo, Variable } from '../flow-graph/functions.ts'
import type { Module } from '../flow-graph/module.ts'
import type { PackageInfo } from '../flow-graph/program.ts'
import type { ModuleIndex } from '../reading/module-index.ts'
import type { ClassName } from '../models/classes.ts'
import type { Inputs } from './route-schemas.ts'
import { Templates } from './templates.ts'
import {
  type ApiRef,
  type ClassRef,
  type FunctionRef,
  join,
  type Label,
  type ObjectRef,
  PLAIN,
  type RegexRef,
  refValue,
  type Source,
  type Step,
  type Value,
} from './value.ts'

/** A call of a function of the program, as its caller made it. */
export interface CallRecord {
  readonly caller: FunctionInfo
  readonly call: Span
  args: readonly Value[]
  receiver: Value
  epoch: number
}

/** A tainted value that arrives where it does harm; its label may still be a parameter. */
export interface Hit {
  readonly class: ClassName
  readonly module: Module
  readonly span: Span
  /** What it reaches, in words: `child_process.exec`. */
  readonly sink: string
  readonly label: Label
  /** The class's bit that its label must have; others when the class is made of another. */
  readonly need: number
  readonly flags: number
  readonly step: Step | null
  /** It names a program that is run without a shell. */
  readonly program: boolean
}

/** What is known of a function so far. */
export interface Summary {
  readonly fn: FunctionInfo
  readonly ref: FunctionRef
  returns: Value
  /** Labels that are safe when it returns something true, and when something false. */
  safeWhenTrue: ReadonlyMap<Label, number> | null
  safeWhenFalse: ReadonlyMap<Label, number> | null
  /** Labels that are safe whenever it returns at all: it throws otherwise. */
  safeOnReturn: ReadonlyMap<Label, number> | null
  /** It replaces parts of texts: what that makes safe is known, whatever the function is called. */
  replaces: boolean
  /** What it is called with as a list, once it has asked for `arguments`: what that refers to; taints come as labels. */
  list: ObjectRef | null
  /** Parts of a handler's input that were checked before it is called. */
  inputs: Inputs | null
  /** Parameters that are an object and a key of it that is its own, where it asks for that. */
  readonly ownKeys: { readonly object: number; readonly key: number }[]
  /** What callers pass, as far as it refers to something; taints come as labels. */
  readonly params: Value[]
  self: Value
  readonly calls: Map<Span, CallRecord>
  readonly dependents: Set<FunctionInfo>
  hits: Hit[]
  epoch: number
  queued: boolean
  running: boolean
}

const EPOCH_LIMIT = 4
const PATH_LIMIT = 3
const CHAIN_LIMIT = 100
const FIELD_LIMIT = 300

/** Values were followed as long as they may be. */
export class TimeOver extends Error {}

/** Everything that the propagation knows; grows until nothing changes or the limits are reached. */
export class Analysis {
  readonly modules: readonly Module[]
  readonly packages: readonly PackageInfo[]
  readonly index: ModuleIndex
  readonly templates: Templates
  readonly summaries = new Map<FunctionInfo, Summary>()
  readonly cells = new Map<Variable, { value: Value; readers: Set<FunctionInfo> }>()
  readonly moduleObjects = new Map<Module, { module: ObjectRef; exports: ObjectRef }>()
  readonly apis = new Map<string, Map<string, ApiRef>>()
  readonly classes = new Map<ClassInfo, ClassRef>()
  readonly sites = new Map<object, ObjectRef>()
  readonly regexes = new Map<string, RegexRef>()
  readonly sources = new Map<string, Label>()
  /** What promises that the program makes itself are resolved with. */
  readonly promises = new Map<string, ObjectRef>()
  /** The condition that a constant holds: `const ok = isValid(x)`. */
  readonly conditions = new Map<Variable, Expression>()
  readonly queue: FunctionInfo[] = []
  readonly deadline: number
  #ids = 0

  constructor(
    modules: readonly Module[],
    packages: readonly PackageInfo[],
    index: ModuleIndex,
    deadline: number,
    texts: ReadonlyMap<string, string> = new Map(),
  ) {
    this.templates = new Templates(texts)
    this.modules = modules
    this.packages = packages
    this.index = index
    this.deadline = deadline
  }

  #statements = 0

  /** Throws where the time is over: one function may take as long as all others together. */
  tick(): void {
    if (++this.#statements % 64 === 0 && performance.now() > this.deadline) throw new TimeOver()
  }

  id(): number {
    return ++this.#ids
  }

  summaryOf(fn: FunctionInfo): Summary {
    const known = this.summaries.get(fn)
    if (known !== undefined) return known
    const ref: FunctionRef = { kind: 'function', id: this.id(), fn, own: this.object(null), cleared: null }
    const made: Summary = {
      fn,
      ref,
      returns: PLAIN,
      safeWhenTrue: null,
      safeWhenFalse: null,
      safeOnReturn: null,
      replaces: false,
      list: null,
      inputs: null,
      ownKeys: [],
      params: fn.params.map(() => PLAIN),
      self: PLAIN,
      calls: new Map(),
      dependents: new Set(),
      hits: [],
      epoch: 0,
      queued: false,
      running: false,
    }
    this.summaries.set(fn, made)
    return made
  }

  enqueue(fn: FunctionInfo): void {
    const summary = this.summaryOf(fn)
    if (summary.queued || summary.epoch >= EPOCH_LIMIT) return
    summary.queued = true
    this.queue.push(fn)
  }

  object(maker: FunctionInfo | null, array = false, bare = false): ObjectRef {
    return {
      kind: 'object',
      id: this.id(),
      fields: new Map(),
      element: PLAIN,
      all: null,
      parents: [],
      readers: new Set(),
      array,
      bare,
      maker,
    }
  }

  /** The object that is made at a place; the same one each time. */
  objectAt(site: object, maker: FunctionInfo, array = false, bare = false): ObjectRef {
    let known = this.sites.get(site)
    if (known === undefined) this.sites.set(site, (known = this.object(maker, array, bare)))
    return known
  }

  api(name: string, chain: string): ApiRef {
    const cut = chain.length > CHAIN_LIMIT ? chain.slice(0, CHAIN_LIMIT) : chain
    let byChain = this.apis.get(name)
    if (byChain === undefined) this.apis.set(name, (byChain = new Map()))
    let known = byChain.get(cut)
    if (known === undefined)
      byChain.set(
        cut,
        (known = {
          kind: 'api',
          id: this.id(),
          package: name,
          chain: cut,
          values: new Map(),
          members: new Map(),
        }),
      )
    return known
  }

  /** The value of a member of an API: `.field`; of what a call of it gives: `()`. The same one each time. */
  memberValue(ref: ApiRef, suffix: string): Value {
    let known = ref.values.get(suffix)
    if (known === undefined)
      ref.values.set(suffix, (known = refValue(this.api(ref.package, ref.chain + suffix))))
    return known
  }

  regex(pattern: string, flags: string, module: Module, span: Span): RegexRef {
    const key = `${module.path}/${flags}/${pattern}`
    let known = this.regexes.get(key)
    if (known === undefined)
      this.regexes.set(key, (known = { kind: 'regex', id: this.id(), pattern, flags, module, span }))
    return known
  }

  classRef(info: ClassInfo): ClassRef {
    let known = this.classes.get(info)
    if (known === undefined) {
      known = {
        kind: 'class',
        id: this.id(),
        class: info,
        statics: this.object(null),
        instance: this.object(null),
      }
      this.classes.set(info, known)
    }
    return known
  }

  moduleObject(module: Module): { module: ObjectRef; exports: ObjectRef } {
    let known = this.moduleObjects.get(module)
    if (known === undefined) {
      known = { module: this.object(null), exports: this.object(null) }
      known.module.fields.set('exports', { ...PLAIN, refs: [known.exports] })
      this.moduleObjects.set(module, known)
    }
    return known
  }

  /** The label of a source; the same for each read of the same thing. */
  sourceLabel(key: string, make: () => Source): Label {
    let known = this.sources.get(key)
    if (known === undefined) {
      known = {
        id: this.id(),
        source: make(),
        fn: null,
        index: 0,
        path: [],
        parent: null,
        children: new Map(),
      }
      this.sources.set(key, known)
    }
    return known
  }

  paramLabel(fn: FunctionInfo, index: number): Label {
    return this.sourceLabelOf(fn, index)
  }

  readonly #undeclared = new Map<FunctionInfo, Map<string, Variable>>()

  /** The variable that a function has made by assigning to a name that nobody declares, as scripts do. */
  undeclaredIn(fn: FunctionInfo, name: string): Variable | undefined {
    return this.#undeclared.get(fn)?.get(name)
  }

  undeclared(fn: FunctionInfo, name: string): Variable {
    let byName = this.#undeclared.get(fn)
    if (byName === undefined) this.#undeclared.set(fn, (byName = new Map()))
    let known = byName.get(name)
    if (known === undefined)
      byName.set(
        name,
        (known = { name, kind: 'var', owner: fn, at: fn.at, assigned: 2, captured: false, type: null }),
      )
    return known
  }

  readonly #params = new Map<FunctionInfo, Map<number, Label>>()

  private sourceLabelOf(fn: FunctionInfo, index: number): Label {
    let byIndex = this.#params.get(fn)
    if (byIndex === undefined) this.#params.set(fn, (byIndex = new Map()))
    let known = byIndex.get(index)
    if (known === undefined) {
      known = { id: this.id(), source: null, fn, index, path: [], parent: null, children: new Map() }
      byIndex.set(index, known)
    }
    return known
  }

  /** The label of a field of what a label stands for; deep ones are their ancestor's. */
  child(label: Label, field: string): Label {
    if (label.path.length >= PATH_LIMIT) return label
    let known = label.children.get(field)
    if (known === undefined) {
      if (label.children.size >= FIELD_LIMIT) return label
      known = {
        id: this.id(),
        source: label.source,
        fn: label.fn,
        index: label.index,
        path: [...label.path, field],
        parent: label,
        children: new Map(),
      }
      label.children.set(field, known)
    }
    return known
  }

  cell(variable: Variable): { value: Value; readers: Set<FunctionInfo> } {
    let known = this.cells.get(variable)
    if (known === undefined) this.cells.set(variable, (known = { value: PLAIN, readers: new Set() }))
    return known
  }

  writeCell(variable: Variable, value: Value): void {
    const cell = this.cell(variable)
    const first = cell.value === PLAIN && cell.readers.size === 0
    const joined = first ? value : join(cell.value, value)
    if (joined === cell.value) return
    cell.value = joined
    for (const reader of cell.readers) this.enqueue(reader)
  }

  /** The variable holds this and nothing else. */
  setCell(variable: Variable, value: Value): void {
    const cell = this.cell(variable)
    if (join(cell.value, value) === cell.value && join(value, cell.value) === value) return
    cell.value = value
    for (const reader of cell.readers) this.enqueue(reader)
  }

  writeField(object: ObjectRef, field: string | null, value: Value): void {
    if (field === null || (object.fields.size >= FIELD_LIMIT && !object.fields.has(field))) {
      const joined = join(object.element, value)
      if (joined === object.element) return
      object.element = joined
      object.all = null
    } else {
      const before = object.fields.get(field)
      const joined = before === undefined ? value : join(before, value)
      if (joined === before) return
      object.fields.set(field, joined)
      object.all = null
    }
    for (const reader of object.readers) this.enqueue(reader)
  }

  step(module: Module, span: Span, what: string | null, before: Step | null): Step | null {
    const length = before === null ? 1 : before.length + 1
    return length > 24 ? before : { module, span, what, before, length }
  }
}
