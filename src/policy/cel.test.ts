import { describe, expect, test } from 'vitest'
import { MAX_ITERATIONS } from './cel-cost.ts'
import { compileExpression, ExpressionFault } from './cel.ts'
import type { Scope } from './policy.ts'

const lists = Object.freeze({ competitors: Object.freeze(['Hootsuite', 'Buffer']), none: Object.freeze([]) })

const input = {
  amount: 10_000,
  n: 5,
  text: 'We love hootsuite!',
  tags: ['a', 'b'],
  items: [{ price: 3 }, { price: 4 }],
  nested: { a: { b: 1 } },
  nothing: null,
  ok: true,
}

function scope(over: Partial<Scope> = {}): Scope {
  return {
    action: {
      name: 'payments.refund',
      agent: 'clerk',
      session: 's1',
      reason: 'a customer asked',
      confidence: 0.8,
      cost_usd: 0.1,
      effect: 'write',
    },
    input,
    result: { opened_ratio: 0.05 },
    agent: { name: 'clerk', state: 'active' },
    history: { count: () => 101, sum: () => 250.5 },
    now: Date.UTC(2026, 0, 5, 9, 30),
    ...over,
  }
}

function judge(source: string, over?: Partial<Scope>): boolean {
  return compileExpression(source, 'bool', lists).evaluate(scope(over))
}

function faultOf(source: string): ExpressionFault {
  try {
    compileExpression(source, 'bool', lists)
  } catch (error) {
    if (error instanceof ExpressionFault) return error
    throw error
  }
  throw new Error(`${source} compiled`)
}

describe('what policies say', () => {
  test.each([
    ['input.amount + 1 > 10000', true],
    ['input.amount - 1 >= 10000', false],
    ['input.amount * 2 == 20000', true],
    ['input.amount / 3 > 3333', true],
    ['1 + input.amount > 10000', true],
    ['input.n % 2 == 1', true],
    ['-input.n < 0', true],
    ['input.n == 5 && 5 == input.n && input.n == 5.0', true],
    ['input.n != 5', false],
    ['1 == 1.0', true],
    ['input.n in [1, 5]', true],
    ['action.confidence < 0.9', true],
    ['action.confidence < 1', true],
    ['action.effect in ["write", "irreversible"]', true],
    ['agent.state == "active"', true],
    ['history.count("x", "10m") > 100', true],
    ['history_all.count("x.*", "1h") == 101', true],
    ['input.amount + history.sum("payments.refund", "input.amount", "24h") > 10000', true],
    ['size(input.text) > 280', false],
    ['input.text.size() == 18', true],
    ['mentions(input.text, lists.competitors)', true],
    ['mentions(input.text, lists.none)', false],
    ['mentions(input.text, ["buffer", "love"])', true],
    ['input.text.startsWith("We") && input.text.contains("love")', true],
    ['input.text.matches("(?i)HOOT")', true],
    ['matches(input.text, "^love")', false],
    ['has(input.text) && !has(input.missing)', true],
    ['has(input.nested.a.b) && input.nested.a.b == 1', true],
    ['input.nothing == null', true],
    ['input.text == 5', false],
    ['"a" in input.tags', true],
    ['input.tags == ["a", "b"]', true],
    ['input.items.all(item, item.price > 2)', true],
    ['input.items.exists(item, item.price > 3)', true],
    ['input.items.map(item, item.price).exists(price, price == 4)', true],
    ['input.items.filter(item, item.price > 3).size() == 1', true],
    ['input["amount"] > 9999', true],
    ['result.opened_ratio < 0.10', true],
    ['now.getHours() >= 9 && now.getHours() < 17', true],
    ['now > timestamp("2025-01-01T00:00:00Z")', true],
    ['input.ok ? input.n > 1 : false', true],
  ])('%s is %s', (source, expected) => {
    expect(judge(source)).toBe(expected)
  })

  test('history gets the scope, name, path and milliseconds that were written', () => {
    const calls: unknown[][] = []
    const history = {
      count: (...call: unknown[]) => calls.push(['count', ...call]),
      sum: (...call: unknown[]) => calls.push(['sum', ...call]),
    }
    judge('history.count("a", "10m") > 0 && history_all.sum("b.*", "input.order.total", "7d") > 0.0', {
      history,
    })
    expect(calls).toEqual([
      ['count', 'agent', 'a', 600_000],
      ['sum', 'all', 'b.*', 'input.order.total', 604_800_000],
    ])
  })

  test('a path of history.sum may leave out input', () => {
    const paths = ['amount', 'input.amount'].map(
      (path) => compileExpression(`history.sum("a", "${path}", "1h") > 1.0`, 'bool', lists).history[0]?.path,
    )
    expect(paths).toEqual(['input.amount', 'input.amount'])
  })

  test('what an expression looks at is known when it is compiled', () => {
    const compiled = compileExpression(
      'mentions(input.text, lists.competitors) && history.sum("pay.*", "input.amount", "24h") > 1.0',
      'bool',
      lists,
    )
    expect(compiled.lists).toEqual(['competitors'])
    expect([...compiled.names]).toEqual(['input', 'lists', 'history'])
    expect(compiled.history).toMatchObject([
      { scope: 'agent', action: 'pay.*', path: 'input.amount', window: 86_400_000 },
    ])
    expect(compiled.constant).toBeUndefined()
    expect(compileExpression('1 > 2', 'bool', lists).constant).toBe(false)
  })

  test('strings: one or a list', () => {
    expect(compileExpression('input.text', 'strings', lists).evaluate(scope())).toEqual([
      'We love hootsuite!',
    ])
    expect(compileExpression('input.tags', 'strings', lists).evaluate(scope())).toEqual(['a', 'b'])
    expect(() => compileExpression('input.n', 'strings', lists).evaluate(scope())).toThrow(/string/)
    expect(() => compileExpression('1 + 1', 'strings', lists)).toThrow(/string or a list of strings, not int/)
  })
})

describe('what cannot be answered throws, so that the caller refuses', () => {
  test.each([
    'input.missing > 3',
    'input.nope == null',
    'input.nested.a.c == 1',
    'input.tags[7] == "a"',
    'input.n > "a"',
    'input.n + "x" == "y"',
    'input.text',
    'input.amount + 1',
    '!input.n',
    'input.n || false',
    'mentions(input.n, lists.competitors)',
    'mentions(input.text, input.items)',
    'input.toString == 1',
    'input.constructor == 1',
    'input.__proto__ == 1',
    'input.amount / 0 > 1',
    '0.0 / 0.0 == 1.0',
    '0.0 / 0.0 != 1.0',
    'double("NaN") < 1.0',
    '1e308 * 10 > 1',
    'double("infinity") > 1',
    '9223372036854775807 + 1 > 0',
  ])('%s', (source) => {
    const compiled = compileExpression(source, 'bool', lists)
    expect(() => compiled.evaluate(scope())).toThrow(/./)
  })

  test('a confidence that is not known is absent', () => {
    const action = { ...scope().action, confidence: Number.NaN }
    expect(() => judge('action.confidence < 0.9', { action })).toThrow(/confidence/)
    expect(judge('has(action.confidence)', { action })).toBe(false)
    expect(judge('has(action.confidence)')).toBe(true)
  })

  test('NaN in the input or from history never compares', () => {
    expect(() => judge('input.x < 1.0', { input: { x: Number.NaN } })).toThrow(/finite/)
    expect(() => judge('input.x == 1.0', { input: { x: Number.POSITIVE_INFINITY } })).toThrow(/finite/)
    const history = { count: () => Number.NaN, sum: () => Number.NaN }
    expect(() => judge('history.count("x", "1h") > 1', { history })).toThrow(/whole number/)
    expect(() => judge('history.sum("x", "n", "1h") > 1', { history })).toThrow(/finite/)
  })
})

describe('what is wrong is found when the policy loads', () => {
  test.each([
    ['', 0, /EOF/],
    ['input.x >', 9, /EOF/],
    ['action.confidnce < 0.9', 0, /did you mean confidence/],
    ['true && agent.nam == "x"', 8, /did you mean name/],
    ['histori.count("a", "1h") > 1', 0, /did you mean history/],
    ['lists.competitor.size() > 0', 0, /did you mean competitors/],
    ['foo(1)', 0, /foo/],
    ['action.name > 3', 0, /string > int/],
    ['1 + 2', 0, /true or false, not int/],
    ['"yes"', 0, /true or false, not string/],
    ['history.count(input.text, "10m") > 1', 14, /written out/],
    ['history.count("x", action.name) > 1', 19, /written out/],
    ['history.count("x", "10 minutes") > 1', 19, /duration/],
    ['history.count("x", "0s") > 1', 19, /duration/],
    ['history.count("x") > 1', 0, /action, window/],
    ['history.max("x", "1h") > 1', 0, /count and sum/],
    ['history.sum("x", "result amount", "1h") > 1.0', 17, /dotted path/],
    ['input.text.matches("(?=x)")', 19, /RE2/],
    ['input.text.matches("(")', 19, /not usable/],
    ['input.text.matches(input.text)', 19, /written out/],
    ['cel.bind(x, 1, x == 1)', 0, /not available/],
    ['input.text.belayMatches("a")', 0, /no function/],
    ['input.tags.exists(input, input == "a")', 18, /something else/],
    ['input.a.all(x, x.all(y, y.all(z, z == 1)))', 24, /inside each other/],
  ])('%s', (source, start, message) => {
    const fault = faultOf(source)
    expect(fault.message).toMatch(message)
    expect(fault.start).toBe(start)
  })

  test('expressions are bounded in length, size and depth', () => {
    expect(faultOf(`${'true && '.repeat(2000)}true`).message).toMatch(/at most 8000 characters/)
    expect(faultOf(`${'!'.repeat(3000)}true`).message).toMatch(/maxDepth|maxAstNodes|Exceeded/i)
    expect(faultOf(`${'('.repeat(3000)}true${')'.repeat(3000)}`).message).toMatch(/depth/i)
    expect(faultOf(`1 in [${'1,'.repeat(600)}1]`).message).toMatch(/maxListElements/)
  })
})

describe('hostile input', () => {
  const many = Array.from({ length: MAX_ITERATIONS }, (_, at) => at)

  test('one pass over a long list is fine, a nested one stops at the bound', () => {
    expect(judge('input.many.all(x, x >= 0)', { input: { many: many.slice(0, 1000) } })).toBe(true)
    const before = performance.now()
    expect(() => judge('input.many.exists(x, input.many.exists(y, x + y < 0))', { input: { many } })).toThrow(
      /elements|took more/,
    )
    expect(performance.now() - before).toBeLessThan(2000)
  })

  test('a dear step stops at the clock', () => {
    const before = performance.now()
    expect(() => judge('input.many.exists(x, -1 in input.many)', { input: { many } })).toThrow(
      /elements|took more/,
    )
    expect(performance.now() - before).toBeLessThan(2000)
  })

  test('a pattern that explodes in a backtracking engine is linear', () => {
    const before = performance.now()
    expect(judge('input.text.matches("^(a+)+$")', { input: { text: `${'a'.repeat(50_000)}!` } })).toBe(false)
    expect(performance.now() - before).toBeLessThan(2000)
  })

  test.each([
    'input.deep == [1]',
    '"a" in input.deep',
    'size(input.deep) > 0',
    '!input.deep',
    'input.deep ? true : false',
  ])('a deeply nested operand is refused: %s', (source) => {
    let deep: unknown = 1
    for (let level = 0; level < 20; level++) deep = level % 2 === 0 ? [deep] : { a: deep }
    expect(() => judge(source, { input: { deep } as Scope['input'] })).toThrow(/nested|true or false/)
  })

  test('an expression can be evaluated again after it threw', () => {
    const compiled = compileExpression('input.many.exists(x, x < 0)', 'bool', lists)
    expect(() => compiled.evaluate(scope({ input: { many: [...many, 1, -1] } }))).toThrow(
      /elements|took more/,
    )
    expect(compiled.evaluate(scope({ input: { many: [1, -1] } }))).toBe(true)
  })
})

test.each(['', 'abc', 'a😀b', '😀😀', '\ud83d', 'x\udc00y', 'e\u0301', '漢字'])(
  'size() of %j is its number of code points',
  (text) => {
    for (const source of ['size(input.text)', 'input.text.size()']) {
      const condition = compileExpression(`${source} == ${Array.from(text).length}`, 'bool', lists)
      expect(condition.evaluate(scope({ input: { text } }))).toBe(true)
    }
  },
)

test('conditions asked in turn about several scopes and with several lists see their own', () => {
  const amount = compileExpression('input.amount > 5', 'bool', lists)
  const listed = compileExpression('"x" in lists.competitors', 'bool', lists)
  const otherwise = compileExpression('"x" in lists.competitors', 'bool', { competitors: ['x'] })
  const small = scope({ input: { amount: 1 } })
  const large = scope({ input: { amount: 9 } })
  expect([small, large, small].map((asked) => amount.evaluate(asked))).toEqual([false, true, false])
  expect([listed, otherwise, listed].map((condition) => condition.evaluate(large))).toEqual([
    false,
    true,
    false,
  ])
})
