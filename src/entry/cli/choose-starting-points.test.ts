import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { chooseStartingPoints, readStartingPoints } from './choose-starting-points.ts'

test.each([
  ['1', ['coding-agent']],
  ['mcp', ['mcp']],
  ['MCP, 2 2', ['mcp', 'business']],
  [' 4,1 ', ['model-gateway', 'coding-agent']],
  ['', []],
  [' , ', []],
])('%j are %j', (typed, expected) => {
  expect(readStartingPoints(typed)).toEqual(expected)
})

test.each([
  ['0', 'there is no 0'],
  ['5', 'there is no 5'],
  ['bussiness', 'did you mean business?'],
  ['\u001b[2J', 'there is no \\u{1b}[2J'],
  ['x'.repeat(10_000), `there is no ${'x'.repeat(60)}…;`],
])('%j is refused', (typed, fault) => {
  expect(readStartingPoints(typed)).toMatchObject({ fault: expect.stringContaining(fault) as string })
})

async function choose(typed: string) {
  const input = new PassThrough()
  const output = new PassThrough()
  input.end(typed)
  const chosen = chooseStartingPoints(['mcp', 'model-gateway'], { input, output })
  const outcome = await chosen.then(
    (points) => ({ points, error: undefined }),
    (error: unknown) => ({ points: undefined, error }),
  )
  output.end()
  return { ...outcome, shown: await text(output) }
}

test('each is offered with a line that says what it is for', async () => {
  const { points, shown } = await choose('2\n')
  expect(points).toEqual(['business'])
  expect(shown).toMatch(/1 +coding-agent +agents that write code/)
  expect(shown).toMatch(/4 +model-gateway +calls to models/)
})

test('an empty line takes what was suggested', async () => {
  expect(await choose('\n')).toMatchObject({ points: ['mcp', 'model-gateway'] })
})

test('is asked again until there is an answer', async () => {
  const { points, shown } = await choose('nonsense\n9\ncoding-agent\n')
  expect(points).toEqual(['coding-agent'])
  expect(shown).toContain('there is no nonsense')
})

test('no answer writes nothing', async () => {
  expect(await choose('')).toMatchObject({
    error: { exitCode: 2, advice: expect.stringContaining('--for') as string },
  })
})
