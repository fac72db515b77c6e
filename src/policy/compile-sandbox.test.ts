import { describe, expect, test } from 'vitest'
import { parseBytes } from './byte-size.ts'
import { compileRun, DEFAULT_RUN } from './compile-sandbox.ts'
import type { RunEntry } from './compile-sandbox.ts'

function compile(entry: RunEntry): { rule: ReturnType<typeof compileRun>; faults: string[] } {
  const faults: string[] = []
  const rule = compileRun(
    entry,
    ['agents', 'a'],
    (path, _code, expected) => faults.push(`${path.join('.')}: ${expected}`),
    (path) => `/etc/belay/${path}`,
  )
  return { rule, faults }
}

describe('how an agent is run', () => {
  test('has limits of memory and processes where nothing is said, and none where that is said', () => {
    expect(DEFAULT_RUN.sandbox.quotas).toEqual({ memory: 2 ** 31, processes: 512 })
    expect(compile({ sandbox: { memory: 'none', processes: 'none' } }).rule.sandbox.quotas).toEqual({})
  })

  test('is compiled into bytes, milliseconds and absolute paths', () => {
    const { rule, faults } = compile({
      command: ['node', 'agent.js'],
      workspace: 'work',
      sandbox: { memory: '512MB', disk: '1GiB', wall_time: '2h', cpu: 1.5, open_files: 64, requests: 7 },
    })
    expect(faults).toEqual([])
    expect(rule).toMatchObject({
      command: ['node', 'agent.js'],
      workspace: '/etc/belay/work',
      restart: 'on-failure',
      sandbox: {
        quotas: {
          memory: 512_000_000,
          disk: 2 ** 30,
          wallTime: 7_200_000,
          cpu: 1.5,
          processes: 512,
          openFiles: 64,
          requests: 7,
        },
      },
    })
  })

  test('tells what cannot be meant', () => {
    expect(compile({ restart: 'always' }).faults).toEqual([
      'agents.a.restart: a command that could be started again',
    ])
    expect(compile({ sandbox: { memory: '4KB' } }).faults).toEqual([
      'agents.a.sandbox.memory: at least 16MiB',
    ])
    expect(compile({ sandbox: { read_only: ['/opt/../etc'] } }).faults).toEqual([
      'agents.a.sandbox.read_only.0: a path without ..',
    ])
  })

  test.each(['', '5', 'MB', '-1MB', '1.5GB', '1PB', '9999999MB', '1MB\n'])('%j is no size', (text) => {
    expect(parseBytes(text)).toBeUndefined()
  })
})
