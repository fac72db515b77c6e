import { expect, test } from 'vitest'
import { checkLoopbackHost, isLoopback } from './loopback-host.ts'

test.each(['localhost', '127.0.0.1', '127.0.0.2', '::1'])('%s is this machine', (host) => {
  expect(isLoopback(host)).toBe(true)
})

test.each(['0.0.0.0', '::', '10.0.0.1', 'localhost.example', '127.0.0.1.example', ''])(
  '%s is not only this machine',
  (host) => {
    expect(isLoopback(host)).toBe(false)
  },
)

test('a request without a Host header is refused', () => {
  expect(() => checkLoopbackHost(undefined)).toThrow('may not reach a Belay that is bound to this machine')
})
