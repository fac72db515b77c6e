import { beforeAll, describe, expect, it } from 'vitest'
import type { Expression, Pattern } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { locate, type Module } from '../../flow-graph/module.ts'
import type { Statement } from '../../flow-graph/statements.ts'
import { PYTHON } from './python.ts'
import { resolvePythonImport } from './resolve-import.ts'

beforeAll(() => PYTHON.prepare?.())

function read(text: string): Module {
  const module = PYTHON.parse({ path: 'app/views.py', text, test: false })
  if (!('main' in module)) throw new Error(module.reason)
  return module
}

const shown = (text: string): string => read(text).main.body.map(statement).join(' ')
const block = (body: readonly Statement[]): string => `{ ${body.map(statement).join(' ')} }`
const list = (all: readonly (Expression | Pattern | null)[]): string =>
  all.map((each) => (each === null ? '_' : expression(each))).join(', ')

/** The lowered code, written as JavaScript would write it. */
function statement(node: Statement): string {
  switch (node.kind) {
    case 'expression':
      return `${expression(node.expression)};`
    case 'return':
    case 'throw':
      return `${node.kind} ${node.value === null ? '' : expression(node.value)};`
    case 'if':
      return `if (${expression(node.test)}) ${block(node.then)}${node.otherwise.length > 0 ? ` else ${block(node.otherwise)}` : ''}`
    case 'loop':
      return node.target === null
        ? `while (${expression(node.test as Expression)}) ${block(node.body)}`
        : `for${node.awaits ? ' await' : ''} (${expression(node.target)} of ${expression(node.iterable as Expression)}) ${block(node.body)}`
    case 'try':
      return [
        `try ${block(node.body)}`,
        ...node.catches.map(
          (each) =>
            `catch (${list(each.types)} ${each.param === null ? '' : expression(each.param)}) ${block(each.body)}`,
        ),
        ...(node.otherwise.length > 0 ? [`else ${block(node.otherwise)}`] : []),
        ...(node.finally.length > 0 ? [`finally ${block(node.finally)}`] : []),
      ].join(' ')
    case 'switch':
      return `switch (${expression(node.subject)}) { ${node.cases.map((each) => `case ${each.test === null ? '*' : expression(each.test)}: ${each.body.map(statement).join(' ')}`).join(' ')} }`
    case 'block':
      return block(node.body)
    case 'break':
    case 'continue':
      return `${node.kind};`
    case 'function-declaration':
      return definition(node.function)
    case 'class-declaration': {
      const { name, superClass, fields, methods } = node.class
      return `class ${name}${superClass === null ? '' : ` extends ${expression(superClass)}`} { ${[...fields.map((each) => `${each.name}: ${each.type} = ${each.value === null ? '' : expression(each.value)};`), ...methods.map(definition)].join(' ')} }`
    }
    case 'declare':
      return 'declare'
  }
}

function definition(info: FunctionInfo): string {
  const marks = info.decorators.map((each) => `@${expression(each)} `).join('')
  const params = info.params.map(
    (each) =>
      (each.rest ? '...' : '') + expression(each.pattern) + (each.type === null ? '' : `: ${each.type}`),
  )
  return `${marks}${info.static ? 'static ' : ''}${info.async ? 'async ' : ''}${info.form} ${info.name}${info.generator ? '*' : ''}(${params.join(', ')}) ${block(info.body)}`
}

function expression(node: Expression | Pattern): string {
  switch (node.kind) {
    case 'literal':
      return JSON.stringify(node.value) ?? 'undefined'
    case 'template':
      return `\`${node.parts.map((part, index) => part + (index < node.values.length ? `\${${expression(node.values[index]!)}}` : '')).join('')}\``
    case 'name':
      return node.variable === null ? `?${node.name}` : node.name
    case 'this':
    case 'super':
      return node.kind
    case 'member':
      return node.key === null
        ? `${expression(node.object)}.${node.property}`
        : `${expression(node.object)}[${expression(node.key)}]`
    case 'call':
      return `${node.construct ? 'new ' : ''}${expression(node.callee)}(${node.args.map((each, index) => (node.names?.[index] == null ? '' : `${node.names[index]}=`) + expression(each)).join(', ')})`
    case 'object':
      return `{${node.properties.map((each) => (each.spread ? `...${expression(each.value)}` : `${each.key ?? `[${expression(each.computed as Expression)}]`}: ${expression(each.value)}`)).join(', ')}}`
    case 'array':
    case 'array-pattern':
      return `[${list(node.elements)}${node.kind === 'array-pattern' && node.rest !== null ? `, ...${expression(node.rest)}` : ''}]`
    case 'function':
      return `(${node.function.params.map((each) => expression(each.pattern)).join(', ')}) => ${block(node.function.body)}`
    case 'binary':
    case 'logical':
      return `(${expression(node.left)} ${node.operator} ${expression(node.right)})`
    case 'unary':
      return `${node.operator}${expression(node.operand)}`
    case 'conditional':
      return `(${expression(node.test)} ? ${expression(node.then)} : ${expression(node.otherwise)})`
    case 'assign':
      return `${expression(node.target)} ${node.operator} ${expression(node.value)}`
    case 'await':
      return `await ${expression(node.value)}`
    case 'yield':
      return `yield${node.delegate ? '*' : ''} ${node.value === null ? '' : expression(node.value)}`
    case 'spread':
      return `...${expression(node.value)}`
    case 'default-pattern':
      return `${expression(node.target)} = ${expression(node.value)}`
    case 'unknown':
      return `unknown(${list(node.parts)})`
    case 'class':
    case 'element':
    case 'import':
    case 'object-pattern':
    case 'regex':
    case 'sequence':
      return node.kind
  }
}

describe('statements', () => {
  it.each([
    ['x = y = 1', 'x = y = 1;'],
    ['a, (b, *c) = d, 2', '[a, [b, ...c]] = [?d, 2];'],
    ['x = 1\nx += 2\nx //= 3', 'x = 1; x += 2; x /= 3;'],
    ['x: int = 3', 'x = 3;'],
    ['with open(p) as f, g():\n    f.read()', '{ f = ?open(?p); ?g(); f.read(); }'],
    [
      'try:\n  a()\nexcept (A, B) as e:\n  raise X(e) from e\nexcept:\n  pass\nelse:\n  b()\nfinally:\n  c()',
      'try { ?a(); } catch (?A, ?B e) { throw ?X(e); } catch ( ) {  } else { ?b(); } finally { ?c(); }',
    ],
    [
      'if a:\n  b()\nelif c:\n  d()\nelse:\n  e()',
      'if (?a) { ?b(); } else { if (?c) { ?d(); } else { ?e(); } }',
    ],
    ['for i, j in e:\n  break\nelse:\n  f()', 'for ([i, j] of ?e) { break; } ?f();'],
    ['while a < b <= 3:\n  continue', 'while (((?a < ?b) && (?b <= 3))) { continue; }'],
    ['assert a, "m"', 'if (!?a) { throw "m"; }'],
    [
      'match z:\n  case "a":\n    f()\n  case [1, q] if q:\n    g(q)\n  case _:\n    h()',
      'switch (?z) { case "a": ?f(); break; case unknown(q): q = ?z; ?g(q); break; case *: ?h(); break; }',
    ],
  ])('%s', (text, lowered) => expect(shown(text)).toBe(lowered))
})

describe('expressions', () => {
  it.each([
    ['f"a{b!r:>10}c{{}}" "d" r"\\x" "\\x41\\n"', '`a${?b}c{}d\\xA\n`;'],
    ['"a %s b %(n)s%%" % (x, y)', '`a ${?x} b ${[?x, ?y]}%`;'],
    ['"SELECT %s" % name', '`SELECT ${?name}`;'],
    ['"{} {0} {n!r:>3} {{}}".format(a, n=b)', '`${?a} ${?a} ${?b} {}`;'],
    ['",".join(xs)', '`${?xs}`;'],
    ['a not in b, a is not None, not a', '!(?a in ?b); (?a !== null); !?a;'],
    ['a if b else c', '(?b ? ?a : ?c);'],
    ['a[1:2], a["b"], a[i]', '?a.slice(1, 2); ?a["b"]; ?a[?i];'],
    ['f(*a, b=1, **c)', '?f(...?a, b=1, ...?c);'],
    ['[x.y for x in xs if x]', '?xs.map((x) => { if (x) { return x.y; } });'],
    ['{k: v for k, v in d.items()}', '?d.items().map(([k, v]) => { return unknown(k, v); });'],
    ['[y for x in xs for y in x]', '?xs.flatMap((x) => { return x.map((y) => { return y; }); });'],
    ['{"a": 1, **b, c: 2}', '{a: 1, ...?b, [?c]: 2};'],
    ['dict(a=1)', '{a: 1};'],
    ['lambda x, *y: x', '(x, y) => { return x; };'],
    ['(n := f())', 'n = ?f();'],
    ['1_000 + 0xff', '(1000 + 255);'],
    ['import os.path\nimport os\nos.path.join(a)', 'os.path.join(?a);'],
  ])('%s', (text, lowered) => expect(shown(text)).toBe(lowered))
})

describe('functions and classes', () => {
  it('has methods whose first parameter is the object itself, in functions nested in them too', () => {
    const text = [
      'class A(Base, metaclass=M):',
      '  x: int = 1',
      '  def __init__(self, q):',
      '    super().__init__(q)',
      '    self.q = q',
      '  @property',
      '  def p(self): return [self.q for _ in r]',
      '  @classmethod',
      '  def make(cls): return cls(1)',
      '  @staticmethod',
      '  def s(a): yield a',
      '  def n(self):',
      '    def inner(): return self.q',
      '    return inner',
    ].join('\n')
    expect(shown(text)).toBe(
      'class A extends ?Base { x: int = 1; constructor constructor(q) { super(q); this.q = q; } ' +
        '@?property getter p() { return ?r.map((_) => { return this.q; }); } ' +
        '@?classmethod static method make() { return this(1); } ' +
        '@?staticmethod static method s*(a) { yield a; } ' +
        'method n() { arrow inner() { return this.q; } return inner; } }',
    )
  })

  it('keeps what frameworks read: decorators, types and defaults', () => {
    expect(
      shown(
        '@app.get("/x/{id}")\nasync def show(id: int, q: str = Query(None), *args: str, c=1, **kw):\n  return await f(id)',
      ),
    ).toBe(
      '@?app.get("/x/{id}") async function show(id: int, q = new ?Query(null): str, ...args: str, c = 1, ...kw) { return await ?f(id); }',
    )
  })

  it('lists functions outer before inner, and binds names where Python does', () => {
    const module = read(
      'x = 1\ndef f(a):\n  global x\n  x = a\n  y = lambda: a + z\n  z = 2\n  z = 3\n  return g(y)\ndef g(b): return b',
    )
    expect(module.functions.map(({ name, form }) => `${form} ${name}`)).toEqual([
      'module ',
      'function f',
      'arrow ',
      'function g',
    ])
    const facts = module.functions.map(({ variables }) =>
      variables.map(({ name, kind, assigned, captured }) => [name, kind, assigned, captured]),
    )
    expect(facts).toEqual([
      [
        ['x', 'var', 1, true],
        ['f', 'function', 0, false],
        ['g', 'function', 0, true],
      ],
      [
        ['y', 'var', 0, false],
        ['z', 'var', 1, true],
        ['a', 'param', 0, true],
      ],
      [],
      [['b', 'param', 0, false]],
    ])
  })

  it('has imports, exports and comments', () => {
    const module = read('import a.b, c as d\nfrom ..e import f as g, h\nfrom z import *\nx = 1 # why\n')
    expect(
      module.imports.map(({ source, imported, variable }) => [source, imported, variable?.name ?? null]),
    ).toEqual([
      ['a.b', '*', 'a.b'],
      ['a', '*', 'a'],
      ['c', '*', 'd'],
      ['..e', 'f', 'g'],
      ['..e', 'h', 'h'],
      ['z', '*', null],
    ])
    expect(module.exports.map(({ exported }) => exported)).toEqual(['*', 'a.b', 'a', 'd', 'g', 'h', 'x'])
    expect(module.comments.map(({ text }) => text)).toEqual(['why'])
    expect(locate(module, module.main.body[0]!)).toEqual({
      path: 'app/views.py',
      line: 4,
      column: 1,
      endLine: 4,
      endColumn: 6,
    })
  })
})

it('finds modules beside the file, above it and relative to it', () => {
  const files = new Set(['app/views.py', 'app/models/__init__.py', 'lib.py', 'app/forms.py', '__init__.py'])
  const resolve = (source: string): string | null =>
    resolvePythonImport('app/views.py', source, (path) => files.has(path))
  expect(['app.models', 'models', 'lib', '.forms', '.', '..lib', '...lib', 'os', '..'].map(resolve)).toEqual([
    'app/models/__init__.py',
    'app/models/__init__.py',
    'lib.py',
    'app/forms.py',
    null,
    'lib.py',
    null,
    null,
    '__init__.py',
  ])
})

describe('bad input', () => {
  it.each([
    ['a broken line', 'def f(:\n  x = = 1\ndef g(a):\n  return a\n'],
    ['deep nesting', `x = ${'['.repeat(3_000)}${']'.repeat(3_000)}`],
    ['a long chain', `x = ${'a + '.repeat(3_000)}a`],
    ['a chain of elif', `if a: pass\n${'elif b: pass\n'.repeat(2_000)}`],
    ['binary', '\0\u0001\ufffd'.repeat(1_000)],
    ['nothing', ''],
    ['JavaScript', 'const x = (a) => { return `${a}` }'],
  ])('%s is read as far as it goes, or skipped with a reason', (_what, text) => {
    const module = PYTHON.parse({ path: 'x.py', text, test: false })
    expect('main' in module ? module.functions.length : module.reason.length).toBeGreaterThan(0)
  })

  it('keeps what stands beside a broken line', () => {
    expect(shown('def f():\n  x = = 1\n\ndef g(a):\n  return a\n')).toContain('function g(a) { return a; }')
  })
})
