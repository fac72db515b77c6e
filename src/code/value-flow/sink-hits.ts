import type { Element, Property, Span } from '../flow-graph/expressions.ts'
import type { Module } from '../flow-graph/module.ts'
import { CLASS, type ClassName } from '../models/classes.ts'
import { allTaints } from './labels.ts'
import type { Run } from './run.ts'
import { MARKUP, type Taint, type Value } from './value.ts'

export interface Sink {
  readonly class: ClassName
  readonly span: Span
  /** Where the span lies, when it is another file. */
  readonly module?: Module
  readonly sink: string
  /** It must stand in markup to be dangerous. */
  readonly markup?: boolean
  /** Fields of the value count as well, so many levels down. */
  readonly levels?: number
  /** The bit that the label must have, when it is not the class's own. */
  readonly need?: number
  /** It names a program that is run. */
  readonly program?: boolean
}

const HIT_LIMIT = 400

/** Keeps that values arrive where they do harm. */
export function dangerous(run: Run, values: readonly Value[], sink: Sink): void {
  const bit = sink.need ?? CLASS[sink.class]
  for (const value of values)
    for (const taint of sink.levels === undefined ? value.taints : allTaints(value, sink.levels))
      if ((taint.mask & bit) !== 0 && (sink.markup !== true || (taint.flags & MARKUP) !== 0))
        hit(run, taint, sink)
}

export function hit(run: Run, taint: Taint, sink: Sink): void {
  const { hits } = run.summary
  if (hits.length >= HIT_LIMIT) return
  for (const each of hits)
    if (each.label === taint.label && each.span === sink.span && each.class === sink.class) return
  hits.push({
    class: sink.class,
    module: sink.module ?? run.module,
    span: sink.span,
    sink: sink.sink,
    label: taint.label,
    need: sink.need ?? CLASS[sink.class],
    flags: taint.flags,
    step: taint.step,
    program: sink.program === true,
  })
}

/** React's and other elements' own ways to take markup. */
export function checkElement(run: Run, node: Element, attribute: Property, value: Value): void {
  if (attribute.key === 'dangerouslySetInnerHTML') {
    const html = value.refs.flatMap((ref) => (ref.kind === 'object' ? [ref.fields.get('__html')] : []))
    for (const each of html)
      if (each !== undefined)
        dangerous(run, [run.env.checked(each)], {
          class: 'xss',
          span: attribute,
          sink: 'dangerouslySetInnerHTML',
        })
  } else if (attribute.key === 'srcDoc' || attribute.key === 'v-html')
    dangerous(run, [value], { class: 'xss', span: attribute, sink: `${node.name}'s ${attribute.key}` })
}
