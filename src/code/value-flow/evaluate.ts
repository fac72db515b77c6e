import type { Binary, Expression, Name, ObjectLiteral, Template } from '../flow-graph/expressions.ts'
import { CLASS, PARAM } from '../models/classes.ts'
import { importedModule, requiredValue } from './imports.ts'
import { adopt } from './adopt.ts'
import { copied } from './assign.ts'
import { load, member } from './load.ts'
import { concatenate } from './concatenate.ts'
import { pythonApi } from './python-names.ts'
import { pythonBinary, pythonText } from './python-calls.ts'
import { constantTest, pythonConstant } from './python-constants.ts'
import { PART, type Run } from './run.ts'
import { fieldsShape, forget, listShape, track } from './shapes.ts'
import { isWrittenInside, share } from './share.ts'
import { checkElement, dangerous } from './sink-hits.ts'
import {
  cleared,
  constantValue,
  derived,
  intersectCleared,
  join,
  joinRefs,
  PLAIN,
  refValue,
  type Value,
} from './value.ts'

const COPIED = CLASS.protobase | CLASS.reached | CLASS.ctorreached

/** The value of an expression where it stands. */
export function evaluate(run: Run, node: Expression): Value {
  if (run.module.language === 'python' && /^(?:binary|call|member|unary)$/.test(node.kind)) {
    const constant = pythonConstant(run, node)
    if (constant !== undefined) return constantValue(constant)
  }
  switch (node.kind) {
    case 'literal':
      return node.value === undefined ? PLAIN : constantValue(node.value)
    case 'regex':
      return refValue(run.analysis.regex(node.pattern, node.flags, run.module, node))
    case 'template':
      return template(run, node)
    case 'name':
      return run.env.checked(nameValue(run, node))
    case 'this':
    case 'super':
      return selfValue(run)
    case 'member':
      return member(run, node)
    case 'call':
      return PART.call(run, node)
    case 'object':
      return objectLiteral(run, node)
    case 'array': {
      const list = run.analysis.objectAt(node, run.fn, true)
      const values: Value[] = []
      for (const [index, element] of node.elements.entries()) {
        if (element === null) continue
        if (element.kind === 'spread') {
          const spread = PART.evaluate(run, element.value)
          run.analysis.writeField(list, null, load(run, spread, null, PLAIN, element))
        } else {
          const value = PART.evaluate(run, element)
          values.push(value)
          run.analysis.writeField(list, String(index), value)
        }
      }
      if (values.length === node.elements.length) track(run, list, listShape(values))
      if (run.env.shapes?.has(list) !== true) for (const each of values) forget(run, each)
      return refValue(list)
    }
    case 'function': {
      share(run)
      const { ref } = run.analysis.summaryOf(node.function)
      if (run.analysis.summaryOf(node.function).epoch === 0) {
        ref.cleared = run.env.safe === null ? null : new Map(run.env.safe)
        run.analysis.enqueue(node.function)
      } else ref.cleared = intersectCleared(ref.cleared, run.env.safe)
      return refValue(ref)
    }
    case 'class':
      return PART.defineClass(run, node.class)
    case 'binary':
      return binary(run, node)
    case 'logical': {
      const left = PART.evaluate(run, node.left)
      const before = run.env
      run.env = before.fork()
      if (node.operator !== '??') PART.assume(run, node.left, node.operator === '&&')
      const right = PART.evaluate(run, node.right)
      const after = run.env
      run.env = before
      if (!after.dead) before.become(before.fork(), after)
      return node.operator === '&&'
        ? right === PLAIN && left.refs.length === 0
          ? PLAIN
          : joinParts(right, onlyRefs(left))
        : join(left, right)
    }
    case 'unary': {
      const operand = PART.evaluate(run, node.operand)
      if (node.operator === '!' && typeof operand.constant === 'boolean')
        return constantValue(!operand.constant)
      if (node.operator === '-' && typeof operand.constant === 'number')
        return constantValue(-operand.constant)
      if (node.operator === '++' || node.operator === '--')
        PART.assign(run, node.operand as Expression & { kind: 'name' }, PLAIN, false)
      return PLAIN
    }
    case 'conditional': {
      PART.evaluate(run, node.test)
      const decided = run.module.language === 'python' ? constantTest(run, node.test) : null
      if (decided !== null) return PART.evaluate(run, decided ? node.then : node.otherwise)
      const before = run.env
      const yes = before.fork()
      const no = before.fork()
      run.env = yes
      PART.assume(run, node.test, true)
      const then = PART.evaluate(run, node.then)
      run.env = no
      PART.assume(run, node.test, false)
      const otherwise = PART.evaluate(run, node.otherwise)
      run.env = before
      before.become(yes, no)
      return join(then, otherwise)
    }
    case 'assign': {
      const value = PART.evaluate(run, node.value)
      if (node.operator === '=') {
        PART.assign(run, node.target, copied(run, node.target, node.value) ?? value, false)
        return value
      }
      const target =
        node.target.kind === 'name' || node.target.kind === 'member' ? PART.evaluate(run, node.target) : PLAIN
      const made =
        node.operator === '+='
          ? concatenate(run, [target, value], node)
          : /^(?:\|\||&&|\?\?)=$/.test(node.operator)
            ? join(target, value)
            : PLAIN
      PART.assign(run, node.target, made, false)
      return made
    }
    case 'await':
    case 'spread':
      return PART.evaluate(run, node.value)
    case 'yield': {
      const value = node.value === null ? PLAIN : PART.evaluate(run, node.value)
      forget(run, value)
      run.summary.returns = join(run.summary.returns, value)
      return PLAIN
    }
    case 'sequence': {
      let last = PLAIN
      for (const each of node.expressions) last = PART.evaluate(run, each)
      return last
    }
    case 'import': {
      const source = PART.evaluate(run, node.source)
      if (typeof source.constant === 'string') return requiredValue(run, source.constant)
      dangerous(run, [source], { class: 'path', span: node, sink: 'import()' })
      return PLAIN
    }
    case 'element': {
      let out = PLAIN
      for (const attribute of node.attributes) {
        const value = PART.evaluate(run, attribute.value)
        checkElement(run, node, attribute, value)
        out = join(out, derived(value, 0))
      }
      for (const child of node.children) PART.evaluate(run, child)
      if (node.component !== null) {
        const component = PART.evaluate(run, node.component)
        const props = run.analysis.objectAt(node, run.fn)
        for (const attribute of node.attributes)
          if (attribute.key !== null)
            run.analysis.writeField(props, attribute.key, PART.evaluate(run, attribute.value))
        PART.invoke(run, component, [refValue(props)], PLAIN, node)
      }
      return PLAIN
    }
    case 'unknown': {
      let out = PLAIN
      for (const part of node.parts) out = join(out, PART.evaluate(run, part))
      return out
    }
  }
}

function joinParts(a: Value, b: Value): Value {
  return b === PLAIN ? a : join(a, b)
}

function onlyRefs(value: Value): Value {
  return value.refs.length === 0 ? PLAIN : { ...PLAIN, refs: value.refs }
}

function selfValue(run: Run): Value {
  // An arrow has the `this` of the function around it.
  let fn = run.fn
  while (fn.form === 'arrow' && fn.parent !== null && !(fn.class !== null && fn.parent.class !== fn.class))
    fn = fn.parent
  const summary = run.analysis.summaryOf(fn)
  if (fn !== run.fn) summary.dependents.add(run.fn)
  const label = run.analysis.paramLabel(fn, -1)
  const own =
    fn.class === null
      ? PLAIN
      : refValue(
          fn.static ? run.analysis.classRef(fn.class).statics : run.analysis.classRef(fn.class).instance,
        )
  if (fn.class !== null) return own
  // A function with a prototype is a constructor, whether or not anyone here calls it with `new`.
  const prototype = fn.form === 'function' ? summary.ref.own.fields.get('prototype') : undefined
  return {
    taints: [{ label, mask: PARAM, flags: 1, step: null }],
    refs: prototype === undefined ? summary.self.refs : joinRefs(summary.self.refs, prototype.refs),
    constant: undefined,
    prefix: '',
  }
}

function nameValue(run: Run, node: Name): Value {
  const { variable } = node
  if (variable === null) {
    if (run.module.language === 'python') return pythonApi(run.analysis, node.name)
    const made = run.analysis.undeclaredIn(run.fn, node.name)
    return (made === undefined ? undefined : run.env.get(made)) ?? globalValue(run, node.name)
  }
  const local = run.env.get(variable)
  // Python imports in functions too.
  if (variable.kind === 'import' && variable.owner === run.fn && local === undefined)
    return importedModule(run, variable)
  if (variable.owner === run.fn) {
    if (variable.kind === 'function') share(run)
    if (local !== undefined && !(variable.captured && isWrittenInside(variable))) return local
    if (!variable.captured) return local ?? PLAIN
  }
  const cell = run.analysis.cell(variable)
  cell.readers.add(run.fn)
  if (variable.kind === 'import' && cell.value === PLAIN) {
    const imported = importedModule(run, variable)
    if (imported !== PLAIN) return imported
  }
  return local === undefined ? cell.value : join(local, cell.value)
}

function globalValue(run: Run, name: string): Value {
  switch (name) {
    case 'module':
      return refValue(run.analysis.moduleObject(run.module).module)
    case 'exports':
      return refValue(run.analysis.moduleObject(run.module).exports)
    case 'arguments': {
      const taint = { label: run.analysis.paramLabel(run.fn, -2), mask: PARAM, flags: 0, step: null }
      return { ...PLAIN, taints: [taint] }
    }
    case 'NaN':
    case 'Infinity':
      return PLAIN
    case '__dirname':
    case '__filename':
      return { ...PLAIN, prefix: '/' }
    case '$':
    case 'jQuery':
      return refValue(run.analysis.api('jquery', ''))
    default:
      return refValue(run.analysis.api(name, ''))
  }
}

function template(run: Run, node: Template): Value {
  const python = run.module.language === 'python'
  const values = node.values.map((each) => {
    const value = PART.evaluate(run, each)
    return python ? pythonText(value) : value
  })
  if (node.tag === null) {
    const parts: Value[] = []
    for (const [index, text] of node.parts.entries()) {
      if (text !== '') parts.push(constantValue(text))
      const value = values[index]
      if (value !== undefined) parts.push(value)
    }
    return concatenate(run, parts, node)
  }
  const tag = PART.evaluate(run, node.tag)
  const name =
    node.tag.kind === 'member' ? node.tag.property : node.tag.kind === 'name' ? node.tag.name : null
  // Tags that keep values apart from the text: prepared statements, escaping markup.
  if (
    name !== null &&
    /^(?:sql|gql|graphql|html|svg|css|styled|\$queryRaw|\$executeRaw|join|safeHtml|esc|sh|\$)$/i.test(name)
  )
    return PLAIN
  const result = PART.invoke(run, tag, [constantValue(node.parts.join('')), ...values], PLAIN, node)
  return result === PLAIN ? values.reduce((all, each) => join(all, derived(each, 0)), PLAIN) : result
}

function objectLiteral(run: Run, node: ObjectLiteral): Value {
  const bare = node.properties.some(
    (each) => each.key === '__proto__' && each.value.kind === 'literal' && each.value.value === null,
  )
  const object = run.analysis.objectAt(node, run.fn, false, bare)
  const self = refValue(object)
  const fields = new Map<string, Value>()
  let out = self
  for (const property of node.properties) {
    const value = PART.evaluate(run, property.value)
    if (property.spread) {
      for (const ref of value.refs)
        if (ref.kind === 'object') {
          ref.readers.add(run.fn)
          for (const [key, each] of ref.fields) run.analysis.writeField(object, key, each)
          if (ref.element !== PLAIN) run.analysis.writeField(object, null, ref.element)
        }
      // What is spread is in the object whole: its taints are the object's own.
      // It is a copy: what was a prototype is none here.
      if (value.taints.length > 0) out = join(out, cleared({ ...PLAIN, taints: value.taints }, COPIED))
      continue
    }
    for (const ref of value.refs) if (ref.kind === 'function') adopt(run, ref.fn, self)
    if (property.key !== null) {
      fields.set(property.key, value)
      run.analysis.writeField(object, property.key, value)
    } else {
      const key = property.computed === null ? PLAIN : PART.evaluate(run, property.computed)
      run.analysis.writeField(object, typeof key.constant === 'string' ? key.constant : null, value)
    }
  }
  if (node.properties.every((each) => each.key !== null)) track(run, object, fieldsShape(fields))
  if (run.env.shapes?.has(object) !== true) for (const each of fields.values()) forget(run, each)
  return out
}

function binary(run: Run, node: Binary): Value {
  if (node.operator === '+') {
    const parts: Value[] = []
    const flatten = (each: Expression): void => {
      if (each.kind === 'binary' && each.operator === '+') {
        flatten(each.left)
        flatten(each.right)
      } else parts.push(PART.evaluate(run, each))
    }
    flatten(node)
    return concatenate(run, parts, node)
  }
  const left = PART.evaluate(run, node.left)
  const right = PART.evaluate(run, node.right)
  return run.module.language === 'python' ? pythonBinary(run, node, left, right) : PLAIN
}
