import type { Loop, Statement, Switch, Try } from '../flow-graph/statements.ts'
import { noteReturn, noteExit } from './read.ts'
import { elementOf, keysOf } from './load.ts'
import { pythonReturn } from './python.ts'
import { constantTest, possibleCases } from './python-constants.ts'
import { PART, type Run } from './run.ts'
import { join, PLAIN, refValue } from './value.ts'

/** Statements in order, until nothing runs any more. */
export function execute(run: Run, statements: readonly Statement[]): void {
  for (const each of statements)
    if (each.kind === 'function-declaration') {
      const summary = run.analysis.summaryOf(each.function)
      const variable = run.fn.variables.find(
        (one) => one.name === each.function.name && one.kind === 'function',
      )
      run.analysis.enqueue(each.function)
      if (variable !== undefined)
        PART.assign(
          run,
          { kind: 'name', name: variable.name, variable, at: each.at, end: each.end },
          refValue(summary.ref),
          true,
        )
    }
  for (const each of statements) {
    if (run.env.dead) return
    run.analysis.tick()
    statement(run, each)
  }
}

function statement(run: Run, node: Statement): void {
  switch (node.kind) {
    case 'expression':
      PART.evaluate(run, node.expression)
      return
    case 'declare': {
      if (node.value === null) {
        if (node.target.kind === 'name' && node.keyword !== 'var') PART.assign(run, node.target, PLAIN, true)
        return
      }
      const value = PART.evaluate(run, node.value)
      if (node.target.kind === 'name' && node.target.variable !== null && node.target.variable.assigned === 0)
        run.analysis.conditions.set(node.target.variable, node.value)
      PART.assign(run, node.target, value, true)
      return
    }
    case 'return': {
      const value = node.value === null ? PLAIN : PART.evaluate(run, node.value)
      run.summary.returns = join(run.summary.returns, value)
      if (run.module.language === 'python') pythonReturn(run, value, node)
      const known = node.value === null ? false : typeof value.constant === 'boolean' ? value.constant : null
      if (node.value !== null && known === null) {
        for (const outcome of [true, false]) {
          const before = run.env
          run.env = before.fork()
          PART.assume(run, node.value, outcome)
          noteReturn(run, outcome)
          run.env = before
        }
      } else noteReturn(run, known)
      noteExit(run)
      run.env.dead = true
      return
    }
    case 'throw':
      if (node.value !== null) PART.evaluate(run, node.value)
      run.env.dead = true
      return
    case 'if': {
      PART.evaluate(run, node.test)
      const decided = run.module.language === 'python' ? constantTest(run, node.test) : null
      if (decided !== null) return PART.execute(run, decided ? node.then : node.otherwise)
      const before = run.env
      const yes = before.fork()
      const no = before.fork()
      run.env = yes
      PART.assume(run, node.test, true)
      PART.execute(run, node.then)
      run.env = no
      PART.assume(run, node.test, false)
      PART.execute(run, node.otherwise)
      run.env = before
      before.become(yes, no)
      return
    }
    case 'loop':
      loop(run, node)
      return
    case 'switch':
      switchStatement(run, node)
      return
    case 'try':
      tryStatement(run, node)
      return
    case 'block': {
      if (node.label === null) return PART.execute(run, node.body)
      const exit = { label: node.label, loop: false, broken: [], continued: [] }
      run.exits.push(exit)
      PART.execute(run, node.body)
      run.exits.pop()
      for (const each of exit.broken) run.env.become(run.env.fork(), each)
      return
    }
    case 'break':
    case 'continue': {
      const exit = run.exits.findLast((each) =>
        node.label === null ? node.kind === 'break' || each.loop : each.label === node.label,
      )
      if (exit !== undefined) (node.kind === 'break' ? exit.broken : exit.continued).push(run.env.fork())
      run.env.dead = true
      return
    }
    case 'class-declaration': {
      const value = PART.defineClass(run, node.class)
      const variable = run.fn.variables.find((one) => one.name === node.class.name && one.kind === 'class')
      if (variable !== undefined)
        PART.assign(
          run,
          { kind: 'name', name: variable.name, variable, at: node.at, end: node.end },
          value,
          true,
        )
      return
    }
    case 'function-declaration':
  }
}

/** Deeper nested loops are read once: each level would double the work. */
const TWICE_DEPTH = 2

function loop(run: Run, node: Loop): void {
  PART.execute(run, node.init)
  const before = run.env
  const rounds = run.loops < TWICE_DEPTH ? 2 : 1
  run.loops++
  const exit: Run['exits'][number] = { label: node.label, loop: true, broken: [], continued: [] }
  run.exits.push(exit)
  let entry = before
  let last = before
  for (let round = 0; round < rounds; round++) {
    const env = entry.fork()
    run.env = env
    exit.continued = []
    if (node.iterable !== null && node.target !== null) {
      const iterable = PART.evaluate(run, node.iterable)
      PART.assign(
        run,
        node.target,
        node.form === 'in' ? keysOf(run, iterable) : elementOf(run, iterable),
        true,
      )
    }
    if (node.test !== null && node.form !== 'do') {
      PART.evaluate(run, node.test)
      PART.assume(run, node.test, true)
    }
    PART.execute(run, node.body)
    for (const each of exit.continued) run.env.become(run.env.fork(), each)
    if (!run.env.dead) {
      if (node.update !== null) PART.evaluate(run, node.update)
      if (node.test !== null && node.form === 'do') PART.evaluate(run, node.test)
    }
    const after = run.env
    if (!after.dead) last = after
    const merged = entry.fork()
    if (!after.dead) merged.become(entry.fork(), after)
    entry = merged
  }
  run.exits.pop()
  run.loops--
  const checked = last.safe
  const known = before.safe
  run.env = before
  before.become(entry, null)
  // Every element went through the check, or the loop was left.
  for (const [label, mask] of checked ?? [])
    if (label.path.at(-1) === '*' && exit.broken.length === 0)
      before.markSafe(label, mask & ~(known?.get(label) ?? 0))
  if (node.test !== null && exit.broken.length === 0) PART.assume(run, node.test, false)
  for (const each of exit.broken) before.become(before.fork(), each)
}

function switchStatement(run: Run, node: Switch): void {
  PART.evaluate(run, node.subject)
  const before = run.env
  const exit: Run['exits'][number] = { label: node.label, loop: false, broken: [], continued: [] }
  run.exits.push(exit)
  let falling: typeof before | null = null
  const cases = run.module.language === 'python' ? possibleCases(run, node) : node.cases
  for (const each of cases) {
    const env = before.fork()
    run.env = env
    if (each.test !== null) {
      PART.evaluate(run, each.test)
      PART.assume(
        run,
        { kind: 'binary', operator: '===', left: node.subject, right: each.test, at: each.at, end: each.end },
        true,
      )
    }
    if (falling !== null && !falling.dead) env.become(env.fork(), falling)
    PART.execute(run, each.body)
    falling = run.env
  }
  run.exits.pop()
  run.env = before
  const entry = before.fork()
  if (cases.some((each) => each.test === null)) before.dead = true
  else before.become(entry, null)
  if (falling !== null && !falling.dead) before.become(before.fork(), falling)
  for (const each of exit.broken) before.become(before.fork(), each)
}

function tryStatement(run: Run, node: Try): void {
  const entry = run.env.fork()
  PART.execute(run, node.body)
  PART.execute(run, node.otherwise)
  const done = run.env
  let out = done
  for (const each of node.catches) {
    const caught = entry.fork()
    // The exception may come from anywhere in the body: variables may have either value, checks may not have run.
    caught.become(entry.fork(), withoutChecks(done.fork()))
    caught.dead = entry.dead
    run.env = caught
    if (each.param !== null) PART.assign(run, each.param, PLAIN, true)
    PART.execute(run, each.body)
    const merged = entry.fork()
    merged.become(out, run.env)
    out = merged
  }
  run.env = out
  if (node.finally.length > 0) {
    const dead = out.dead
    out.dead = false
    PART.execute(run, node.finally)
    run.env.dead ||= dead
  }
}

function withoutChecks(env: Run['env']): Run['env'] {
  env.safe = null
  env.dead = false
  return env
}
