import { describe, expect, test } from 'vitest'
import { AnswerTape } from './answer-tape.ts'
import { maskAnswer, maskJson } from './mask-secrets.ts'
import { recordingOf } from './recording-of.ts'

const TOKEN = `ghp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC2dF4hJ6`
const REQUEST = { door: 'model', method: 'POST', path: '/openai/v1/chat/completions' } as const

function tapeOf(...pieces: readonly (string | Buffer)[]): AnswerTape {
  const tape = new AnswerTape(10_000, 1000)
  tape.head(200, { 'content-type': 'text/event-stream', 'belay-action': 'act_1' })
  for (const piece of pieces) tape.piece(piece)
  return tape
}

const event = (content: string): string =>
  `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`

describe('what is kept of an exchange', () => {
  test('is the request and the answer with its cuts, also within a character', () => {
    const [a, b] = [Buffer.from('grü').subarray(0, 3), Buffer.from('ün').subarray(1)]
    const kept = recordingOf({ ...REQUEST, body: Buffer.from('{"model":"m"}') }, tapeOf(a, b))
    expect(kept).toMatchObject({
      request: { model: 'm' },
      startedAt: 1000,
      withheld: null,
      masked: { request: 0, answer: 0 },
      answer: { status: 200, encoding: 'utf8', body: 'grün', whole: false, broken: false },
    })
    expect(kept?.answer?.cuts.map(([, bytes]) => bytes)).toEqual([3, 2])
  })

  test('is bytes where they are no text', () => {
    const bytes = Buffer.from([0xff, 0x00, 0xfe])
    const answer = recordingOf({ ...REQUEST, body: null }, tapeOf(bytes))?.answer
    expect(answer?.encoding).toBe('base64')
    expect(Buffer.from(answer?.body ?? '', 'base64')).toEqual(bytes)
  })

  test('holds no secret of the request, wherever it stands', () => {
    const body = Buffer.from(
      JSON.stringify({
        messages: [{ content: `use ${TOKEN} please` }],
        password: 'x7Kq9vT2mPz4Lw',
        passwords_of: { [TOKEN]: true },
        db_password: ['x7Kq9vT2mPz4Lw'],
      }),
    )
    const kept = recordingOf({ ...REQUEST, path: `/x?token=${TOKEN}`, body }, tapeOf('fine'))
    expect(JSON.stringify(kept)).not.toContain(TOKEN)
    expect(JSON.stringify(kept)).not.toContain('x7Kq9vT2')
    expect(kept?.masked.request).toBeGreaterThanOrEqual(5)
  })

  test('has masks as long as the secrets of the answer', () => {
    const text = event(`the key is ${TOKEN}.`)
    const kept = recordingOf({ ...REQUEST, body: null }, tapeOf(text))
    expect(kept?.answer?.body).toBe(text.replace(TOKEN, '*'.repeat(TOKEN.length)))
    expect(kept?.masked.answer).toBe(1)
  })

  test('is no answer where a secret is cut over the events of a stream', () => {
    const kept = recordingOf(
      { ...REQUEST, body: null },
      tapeOf(event(`the key is ${TOKEN.slice(0, 9)}`), event(TOKEN.slice(9, 20)), event(TOKEN.slice(20))),
    )
    expect(kept).toMatchObject({ answer: null, withheld: 'secret' })
    expect(JSON.stringify(kept)).not.toContain(TOKEN.slice(4, 9))
  })

  test('is no answer where it is too large', () => {
    const kept = recordingOf({ ...REQUEST, body: null }, tapeOf('x'.repeat(10_001)))
    expect(kept).toMatchObject({ answer: null, withheld: 'too_large' })
  })

  test('is nothing where nothing was answered', () => {
    expect(recordingOf({ ...REQUEST, body: null }, new AnswerTape(100, 0))).toBeNull()
  })
})

test('a mask leaves JSON as it is, and values without secrets as they are', () => {
  const body = JSON.stringify({ text: `a ${TOKEN} b`, n: [1, null, true] })
  expect(JSON.parse(maskAnswer(body)?.value ?? '')).toMatchObject({ n: [1, null, true] })
  const value = { a: ['fine', 1, null], b: { c: false } }
  expect(maskJson(value).value).toBe(value)
})
