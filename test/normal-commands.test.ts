import { afterAll, beforeAll, expect, test } from 'vitest'
import { CommandLine } from './command-line.ts'

const POLICY = `
version: 1
agents: { looper: { anomaly: { then: pause, expect: 5000 per hour } }, free: {} }
actions: { note.add: { effect: write } }
`

let cli: CommandLine
let url: string
beforeAll(async () => {
  cli = new CommandLine(POLICY)
  url = (await cli.up()).url
})
afterAll(() => cli.clean())

test('tells what is normal, and lets a person say that what is not is', async () => {
  expect(cli.run(['agents', 'normal', 'free'])).toMatchObject({
    code: 0,
    out: 'not watched: the policy has no anomaly for this agent\n',
  })
  expect(cli.run(['agents', 'normal', 'looper'])).toMatchObject({
    code: 0,
    out: 'nothing was seen of it yet\n',
  })
  expect(cli.run(['agents', 'normal', 'nobody'])).toMatchObject({ code: 1 })

  const { key } = cli.json<{ key: string }>('keys', 'create', '--agent', 'looper')
  for (let call = 0; call < 20; call++)
    await fetch(`${url}/v1/actions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: '{"action":"note.add","input":{"text":"the same"}}',
    })
  const { code, out } = cli.run(['agents', 'normal', 'looper'])
  expect(code).toBe(0)
  expect(out).toMatch(/^watched since .*\nACTION +WHAT +NORMAL +99\.9% BELOW +LAST HOUR +SEEN\n/)
  expect(out).toMatch(/all +actions an hour, at this time +5000 +\d+ +\d+/)
  expect(out).toMatch(/note\.add +denied +[\d.]+%/)
  expect(cli.json('agents', 'normal', 'looper')).toMatchObject({ watched: true })

  expect(cli.run(['agents', 'accept', 'looper'])).toMatchObject({ code: 2 })
  expect(cli.run(['agents', 'accept', 'free', '--reason', 'x'])).toMatchObject({ code: 1 })
  expect(cli.run(['agents', 'list']).out).toMatch(/looper +paused/)
  expect(
    cli.run(['agents', 'accept', 'looper', '--reason', 'it polls', '--as', 'olga@example.com']),
  ).toMatchObject({
    code: 0,
    out: 'looper is active; what it does now is normal\n',
  })
  expect(cli.run(['agents', 'list']).out).toMatch(/looper +active/)
})
