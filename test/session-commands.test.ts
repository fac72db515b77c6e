import { afterAll, beforeAll, expect, test } from 'vitest'
import { CommandLine } from './command-line.ts'

let cli: CommandLine
beforeAll(async () => {
  cli = new CommandLine()
  await cli.up()
  const propose = (action: string, session: string): void => {
    cli.run(['propose', action, '--agent', 'writer', '--session', session, '--input', '{"text":"hello"}'])
  }
  propose('note.add', 'run-1')
  propose('note.burn', 'run-1')
  propose('note.add', 'run-2')
})
afterAll(() => cli.clean())

test('sessions are listed, filtered and shown as trees', () => {
  const all = cli.run(['sessions', 'list'])
  expect(all.code).toBe(0)
  expect(all.out).toMatch(/run-2 +writer[^\n]* 1 [^]*run-1 +writer[^\n]* 2 +1/)
  const denied = cli.run(['sessions', 'list', '--decision', 'deny', '--json'])
  expect(JSON.parse(denied.out)).toMatchObject({
    items: [{ id: 'run-1', actions: 2, denied: 1 }],
    next: null,
  })
  const shown = cli.run(['sessions', 'show', 'run-1', '--agent', 'writer'])
  expect(shown.out).toMatch(/session run-1[^]*└ tool note\.add[^]*└ tool note\.burn +denied +deny/)
  expect(cli.run(['sessions', 'show', 'run-9', '--agent', 'writer'])).toMatchObject({ code: 1 })
  expect(cli.run(['sessions', 'list', '--agent', 'nobody']).out).toBe('no sessions\n')
})

test('sums, grouped', () => {
  const sums = cli.run(['stats', '--by', 'decision,action'])
  expect(sums.code).toBe(0)
  expect(sums.out).toMatch(/DECISION +ACTION +ACTIONS[^]*allow +note\.add +2 [^]*deny +note\.burn +1 /)
  const json = cli.run(['stats', '--by', 'agent', '--since', '1h', '--json'])
  expect(JSON.parse(json.out)).toMatchObject({ rows: [{ key: 'writer', actions: 3 }] })
  expect(cli.run(['stats', '--by', 'shoe_size']).code).toBe(2)
})

test('the records as Parquet, and sums over them without a harness', () => {
  expect(cli.run(['ledger', 'export', '--parquet', "it's here"])).toMatchObject({ code: 0 })
  expect(cli.run(['stats', '--parquet', "it's here"]).code).toBe(2)
  const written = cli.run(['ledger', 'export', '--parquet', "it's here", '--today'])
  expect(written).toMatchObject({ code: 0 })
  expect(written.err).toMatch(/wrote \d+ records/)
  const sums = cli.run(['stats', '--parquet', "it's here", '--by', 'decision,action', '--json'])
  expect(JSON.parse(sums.out)).toMatchObject({
    rows: [
      { decision: 'allow', action: 'note.add', actions: 2 },
      { decision: 'deny', action: 'note.burn', actions: 1, denied: 1 },
    ],
  })
  const counted = (...filter: string[]): unknown =>
    JSON.parse(cli.run(['stats', '--parquet', "it's here", '--json', ...filter]).out).rows[0].actions
  expect(counted('--agent', 'writer', '--since', '1h')).toBe(3)
  expect(counted('--agent', "o'nobody")).toBe(0)
  expect(counted('--action', 'note.burn')).toBe(1)
  expect(counted('--since', '0s')).toBe(0)
  const sql = "SELECT agent, count(*)::INT AS n FROM records WHERE kind = 'decision' GROUP BY agent"
  expect(cli.run(['stats', '--parquet', "it's here", '--sql', sql]).out).toMatch(/AGENT +N\nwriter +3/)
  expect(cli.run(['stats', '--parquet', "it's here", '--sql', sql, '--agent', 'writer'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('--agent cannot be beside --sql'),
  })
  expect(cli.run(['stats', '--parquet', "it's here", '--sql', 'SELECT nonsense']).code).toBe(2)
  expect(cli.run(['stats', '--parquet', "it's here", '--by', 'shoe_size']).code).toBe(2)
})
