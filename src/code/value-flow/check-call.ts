import type { Call, Span } from '../flow-graph/expressions.ts'
import { textOf } from '../flow-graph/module.ts'
import { PYTHON, pythonSinks, pythonSinksByMethod } from '../models/python.ts'
import { CLASS } from '../models/classes.ts'
import { sinksByMethod } from '../models/method-sinks.ts'
import { type SinkModel, sinksOf } from '../models/sinks.ts'
import type { ApiCall } from './call-api.ts'
import { instructionsIn } from './instructions.ts'
import { operatorTaints } from './mongo-query.ts'
import type { Run } from './run.ts'
import { programParts, resolvesEntities } from './python-sinks.ts'
import { dangerous } from './sink-hits.ts'
import { MARKUP, PLAIN, type Value, WHOLE } from './value.ts'

const QUERY_DEPTH = 3

/** Sinks of a call that leaves the program. */
export function checkApiCall(run: Run, { node, ref, args, receiver }: ApiCall, method: string): void {
  // Members of what calls returned have sinks too, packages' own functions by their name.
  const models = ref.package.startsWith(PYTHON)
    ? pythonSinks(ref.package, method, ref.chain)
    : sinksOf(ref.package, method, ref.chain)
  for (const model of models)
    checkModel(
      run,
      node,
      model,
      args,
      ref.package.startsWith('#')
        ? node.callee.kind === 'member'
          ? method
          : ref.package
        : ref.package.replace(PYTHON, '') + ref.chain,
      receiver,
    )
}

/** Sinks of a call of which only the names are known. */
export function checkUnknownCall(
  run: Run,
  node: Call,
  method: string,
  receiver: Value,
  args: readonly Value[],
): void {
  if (
    node.callee.kind !== 'member' ||
    method === '' ||
    receiver.refs.some((each) => each.kind === 'api' && sinksOf(each.package, method, '').length > 0)
  )
    return
  const text = textOf(run.module, node.callee.object).slice(-60).replace(/\(\)$/, '')
  const models =
    run.module.language === 'python' ? pythonSinksByMethod(method, text) : sinksByMethod(method, text)
  for (const model of models) checkModel(run, node, model, args, `${text}.${method}`)
}

function checkModel(
  run: Run,
  node: Call,
  model: SinkModel,
  args: readonly Value[],
  name: string,
  receiver: Value = PLAIN,
): void {
  if (!applies(model, args, receiver)) return
  const positions = model.args.includes(-1) ? args.map((_, index) => index) : model.args
  for (const position of positions) {
    const arg = position === -2 ? receiver : args[position]
    if (arg === undefined) continue
    const values = dangerousParts(run, arg, model, node)
    const last = model.class === 'redirect' && model.args.length > 1 && position < args.length - 1
    if (last) continue
    dangerous(run, values, {
      class: model.class,
      span: spanOf(run, node),
      sink: name,
      markup: model.when === 'markup' && !run.module.text.includes('text/html'),
      ...(model.deep === true ? { levels: 3 } : {}),
      ...(model.need === undefined ? {} : { need: CLASS[model.need] }),
      ...(model.program === true ? { program: true } : {}),
    })
  }
}

const spans = new WeakMap<Call, Span>()

/** A call at the end of a chain over several lines lies on the line that names it. */
function spanOf(run: Run, node: Call): Span {
  let known = spans.get(node)
  if (known === undefined) {
    const end = node.callee.kind === 'member' ? node.callee.object.end : node.at
    const between = /^\s*\n\s*(?=[.?])/.exec(run.module.text.slice(end, end + 200))
    known = between === null ? node : { at: end + between[0].length, end: node.end }
    spans.set(node, known)
  }
  return known
}

function dangerousParts(run: Run, arg: Value, model: SinkModel, node: Call): readonly Value[] {
  if (model.when === 'program') return programParts(run, arg, node)
  const objects = arg.refs.filter((each) => each.kind === 'object')
  if (model.class === 'nosql' && model.need === undefined) {
    // Operators come in by objects: a text that was put together is none.
    const whole = { ...arg, taints: arg.taints.filter((each) => (each.flags & WHOLE) !== 0) }
    return [{ ...PLAIN, taints: operatorTaints(whole, QUERY_DEPTH) }]
  }
  if (model.when === 'text') return objects.length > 0 ? [] : [arg]
  if (model.when === 'instructions') return instructionsIn(run, arg)
  if (model.when === 'built' || model.when === 'log-file')
    return [{ ...arg, taints: arg.taints.filter((each) => (each.flags & WHOLE) === 0) }]
  if (model.when === 'printed')
    // Whole objects are printed with their line ends escaped; a field may be a text.
    return [
      {
        ...arg,
        taints: arg.taints.filter((each) => (each.flags & WHOLE) === 0 || each.label.path.length > 0),
      },
    ]
  if (model.when === 'as-it-came' || model.when === 'record' || model.when === 'straight') {
    const whole = (value: Value): Value => ({
      ...value,
      taints: value.taints.filter(
        (each) =>
          (each.flags & WHOLE) !== 0 &&
          each.label.path.length === 0 &&
          (model.when !== 'straight' || each.label.source !== null),
      ),
    })
    const data = objects.flatMap((each) => each.fields.get('data') ?? [])
    return [arg, ...data].map(whole)
  }
  if (model.when === 'first') return objects.flatMap((each) => each.fields.get('0') ?? [])
  if (model.fields === undefined) return [arg]
  const parts: Value[] = model.when === 'fields' ? [] : [arg]
  for (const each of objects)
    for (const field of model.fields) {
      const value = each.fields.get(field)
      if (value !== undefined) {
        each.readers.add(run.fn)
        parts.push(value)
      }
    }
  return parts
}

/** Packages whose calls give records that a `save` writes. */
const RECORDS = /^(?:mongoose|sequelize|sequelize-typescript|typeorm|objection|@mikro-orm\/core)$/

const PLAIN_TYPE = /^(?:application\/(?!xhtml)|text\/(?!html)|image\/(?!svg)|audio\/|video\/)/i

const TYPE_NAMES = ['Content-Type', 'content-type', 'mimetype', 'content_type', 'media_type']

/** A media type that no browser shows as a page: by itself, among headers, or by the name of the argument. */
function isOtherThanPage({ constant, refs }: Value): boolean {
  if (typeof constant === 'string') return PLAIN_TYPE.test(constant)
  return refs.some((ref) => {
    if (ref.kind !== 'object') return false
    const headers = ref.fields.get('headers')
    if (headers !== undefined && isOtherThanPage(headers)) return true
    return TYPE_NAMES.some((name) => {
      const type = ref.fields.get(name)?.constant
      return typeof type === 'string' && PLAIN_TYPE.test(type)
    })
  })
}

function applies(model: SinkModel, args: readonly Value[], receiver: Value): boolean {
  switch (model.when) {
    case undefined:
    case 'markup':
    case 'built':
    case 'as-it-came':
    case 'straight':
    case 'instructions':
    case 'printed':
    case 'text':
    case 'program':
    case 'fields':
    case 'first':
      return true
    case 'external-entities':
      return resolvesEntities([...args, receiver])
    case 'log-file':
      return /\blogs?\b|\.log$/i.test(args[0]?.prefix ?? '')
    case 'record':
      return args[0]?.refs.some((ref) => ref.kind === 'api' && RECORDS.test(ref.package)) === true
    case 'shell':
      return optionOf(args, 'shell')
    case 'dash-c':
      return isShell(args[0]) && hasElement(args[1], /^(?:-\w*c|\/c|-Command|-e|--eval)$/i)
    case 'no-root':
      return !args.some((arg) => arg.refs.some((ref) => ref.kind === 'object' && ref.fields.has('root')))
    case 'filter':
      return !args
        .slice(0, 2)
        .some((arg) => arg.refs.some((ref) => ref.kind === 'object' && ref.fields.has('where')))
    case 'page':
      return !args.slice(1).some(isOtherThanPage)
    case 'unsafe-loader':
      return args.some((arg) =>
        arg.refs.some(
          (ref) =>
            ref.kind === 'object' &&
            ref.fields.has('schema') &&
            /full|unsafe/i.test(
              JSON.stringify(
                [...(ref.fields.get('schema')?.refs ?? [])].map((each) =>
                  each.kind === 'api' ? each.chain : '',
                ),
              ),
            ),
        ),
      )
    case 'entities':
      return optionOf(args, 'noent')
    case 'loader':
      return !args
        .slice(1)
        .some((arg) =>
          [
            ...arg.refs,
            ...arg.refs.flatMap((ref) =>
              ref.kind === 'object' ? (ref.fields.get('Loader')?.refs ?? []) : [],
            ),
          ].some((ref) => ref.kind === 'api' && /(?:Safe|Base)Loader$/.test(ref.chain)),
        )
    case 'text-timer':
    default:
      return (
        args[0] !== undefined &&
        args[0].refs.every((ref) => ref.kind !== 'function') &&
        args[0].taints.some((each) => (each.flags & (WHOLE | MARKUP)) === 0 || each.label.source !== null)
      )
  }
}

function optionOf(args: readonly Value[], option: string): boolean {
  return args.some((arg) =>
    arg.refs.some((ref) => {
      const value = ref.kind === 'object' ? ref.fields.get(option) : undefined
      return value !== undefined && value.constant !== false
    }),
  )
}

function isShell(value: Value | undefined): boolean {
  return (
    typeof value?.constant === 'string' &&
    /(?:^|[/\\])(?:ba|z|da|k)?sh$|cmd(?:\.exe)?$|powershell|node$|python\d?$/i.test(value.constant)
  )
}

function hasElement(value: Value | undefined, pattern: RegExp): boolean {
  return (value ?? PLAIN).refs.some(
    (ref) =>
      ref.kind === 'object' &&
      [...ref.fields.values()].some(
        (each) => typeof each.constant === 'string' && pattern.test(each.constant),
      ),
  )
}
