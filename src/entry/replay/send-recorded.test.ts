import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import type { RecordedAnswer } from '../../action/recording.ts'
import { sendRecorded } from './send-recorded.ts'

const ANSWER: RecordedAnswer = {
  status: 201,
  headers: { 'x-one': 'a', 'set-x': ['b', 'c'] },
  encoding: 'utf8',
  body: 'abcdef',
  cuts: [
    [0, 2],
    [60, 4],
  ],
  whole: false,
  broken: false,
}

/** What stands on the wire after one request, and how long it took, ms. */
async function wire(answer: RecordedAnswer, timing: boolean): Promise<{ text: string; ms: number }> {
  const server = createServer((_request, response) => void sendRecorded(response, answer, timing))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const started = performance.now()
  socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  let text = ''
  for await (const piece of socket) text += String(piece)
  server.close()
  return { text, ms: performance.now() - started }
}

test('status, headers and pieces are those that were recorded', async () => {
  const { text } = await wire(ANSWER, false)
  expect(text).toMatch(/^HTTP\/1.1 201 /)
  expect(text).toContain('x-one: a\r\nset-x: b\r\nset-x: c\r\n')
  expect(text.endsWith('2\r\nab\r\n4\r\ncdef\r\n0\r\n\r\n')).toBe(true)
})

test('with timing, pieces come when they came', async () => {
  expect((await wire(ANSWER, true)).ms).toBeGreaterThanOrEqual(55)
})

test('a whole answer has its length, and a broken one no end', async () => {
  const whole = await wire({ ...ANSWER, whole: true }, false)
  expect(whole.text).toContain('content-length: 6\r\n')
  expect(whole.text.endsWith('\r\n\r\nabcdef')).toBe(true)
  const broken = await wire({ ...ANSWER, broken: true }, false)
  expect(broken.text.endsWith('4\r\ncdef\r\n')).toBe(true)
})
