import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { Sandbox } from '../sandbox/provider.ts'
import { pipeTransport } from './launch-chromium.ts'

function opened(): {
  readonly output: PassThrough
  readonly transport: ReturnType<typeof pipeTransport>
  readonly killed: Promise<void>
} {
  const output = new PassThrough()
  const { promise: killed, resolve } = Promise.withResolvers<void>()
  const sandbox = {
    exited: new Promise<never>(() => undefined),
    kill: () => {
      resolve()
      return new Promise<never>(() => undefined)
    },
  } satisfies Pick<Sandbox, 'kill' | 'exited'>
  return { output, transport: pipeTransport(new PassThrough(), output, sandbox), killed }
}

test('what waited for a message goes on before the next one is told, also when both came in one piece', async () => {
  const { output, transport } = opened()
  const order: string[] = []
  const { promise: both, resolve } = Promise.withResolvers<void>()
  const told = (message: object): void => {
    const { id } = message as { id: string }
    order.push(`told ${id}`)
    void Promise.resolve()
      .then(() => undefined)
      .then(() => order.push(`went on after ${id}`))
      .then(() => id === 'b' && resolve())
  }
  Object.assign(transport, { onmessage: told })
  output.write('{"id":"a"}\u0000{"id"')
  output.write(':"b"}\u0000')
  await both
  expect(order).toEqual(['told a', 'went on after a', 'told b', 'went on after b'])
})

test.each([
  ['is no JSON', 'hello\u0000', () => undefined],
  [
    'cannot be understood',
    '{"id":1}\u0000',
    () => {
      throw new Error('an answer to no question')
    },
  ],
])('a browser that says what %s is ended', async (_, text, onmessage) => {
  const { output, transport, killed } = opened()
  Object.assign(transport, { onmessage })
  output.write(text)
  await expect(killed).resolves.toBeUndefined()
})
