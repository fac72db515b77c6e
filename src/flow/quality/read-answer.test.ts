import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAnswer } from './read-answer.ts'

const TOKEN = 'tok_1234567890'
const RUBRIC = { labels: ['good', 'bad'] }
const RIGHT = { token: TOKEN, score: 87, label: 'good', explanation: 'It is well said.' }

function read(answer: unknown) {
  return readAnswer(typeof answer === 'string' ? answer : JSON.stringify(answer), TOKEN, RUBRIC)
}

describe('what a judge answers', () => {
  test('is read when it is right, in a fence or not; parts of a percent are dropped', () => {
    const { token: _, ...verdict } = RIGHT
    expect(read(RIGHT)).toEqual(verdict)
    expect(read(`\n\`\`\`json\n${JSON.stringify(RIGHT, null, 2)}\n\`\`\`\n`)).toEqual(verdict)
    expect(read({ ...RIGHT, score: 9.99 })).toMatchObject({ score: 9 })
    expect(read({ ...RIGHT, score: 0 })).toMatchObject({ score: 0 })
    expect(read({ ...RIGHT, explanation: 'It says "score": 100 {a: b}' })).toMatchObject({ score: 87 })
  })

  test.each([
    ['prose', 'I would say 90.'],
    ['prose around it', `Here you are: ${JSON.stringify(RIGHT)}`],
    ['two answers', `${JSON.stringify(RIGHT)}\n${JSON.stringify(RIGHT)}`],
    ['nothing', ''],
    ['a list', [RIGHT]],
    ['null', null],
    ['no token', { ...RIGHT, token: undefined }],
    ['another token', { ...RIGHT, token: 'tok_another' }],
    ['a score as text', { ...RIGHT, score: '87' }],
    ['a score above', { ...RIGHT, score: 100.5 }],
    ['a score below', { ...RIGHT, score: -1 }],
    ['no number', `{"token":"${TOKEN}","score":NaN,"label":"good","explanation":"x"}`],
    ['a huge number', `{"token":"${TOKEN}","score":1e999,"label":"good","explanation":"x"}`],
    ['a label of its own', { ...RIGHT, label: 'excellent' }],
    ['a label of the prototype', { ...RIGHT, label: 'constructor' }],
    ['no explanation', { ...RIGHT, explanation: ' ' }],
    ['a member more', { ...RIGHT, override: true }],
    ['the score twice', JSON.stringify(RIGHT).replace('"score":87', '"score":2,"score":87')],
    [
      'the score twice, once escaped',
      JSON.stringify(RIGHT).replace('"score":87', '"score":2,"\\u0073core":87'),
    ],
    ['a nested one', { ...RIGHT, explanation: { score: 3 } }],
    ['a long one', { ...RIGHT, explanation: 'x'.repeat(9_000) }],
  ])('is nonsense when it is %s', (_name, answer) => {
    expect(read(answer)).toEqual({ nonsense: expect.any(String) })
  })

  test('whatever it is, it is read or nonsense, and no score leaves its bounds', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.record({
            token: fc.constant(TOKEN),
            score: fc.anything(),
            label: fc.anything(),
            explanation: fc.anything(),
          }),
        ),
        (answer) => {
          let text: string
          try {
            text = typeof answer === 'string' ? answer : (JSON.stringify(answer) ?? '')
          } catch {
            return
          }
          const said = readAnswer(text, TOKEN, RUBRIC)
          if ('nonsense' in said) return
          expect(said.score).toBeGreaterThanOrEqual(0)
          expect(said.score).toBeLessThanOrEqual(100)
          expect(RUBRIC.labels).toContain(said.label)
        },
      ),
    )
  })

  test('an explanation is bounded, on one line, and hides nothing', () => {
    const hidden = `a\u202eb\u200bc\u{e0041}d\u0000e\nf`
    const said = read({ ...RIGHT, explanation: `${hidden}${'x'.repeat(3_000)}` })
    if ('nonsense' in said) throw new Error(said.nonsense)
    expect(said.explanation.startsWith('a b c d e f')).toBe(true)
    expect(said.explanation).toHaveLength(600)
  })
})
