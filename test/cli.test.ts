import { createServer } from 'node:net'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CommandLine, POLICY } from './command-line.ts'

interface ActionAnswer {
  readonly id: string
  readonly state: string
  readonly decision: string
  readonly approval: { readonly id: string }
}

interface ApprovalPage {
  readonly items: readonly { readonly id: string; readonly action: ActionAnswer }[]
}

const PROPOSE = ['--agent', 'writer', '--input', '{"text":"hello"}']
const AS_EDITOR = ['--as', 'editor@example.com']

describe('against a running harness', () => {
  let cli: CommandLine
  let url: string

  beforeAll(async () => {
    cli = new CommandLine()
    url = (await cli.up()).url
  })

  afterAll(async () => {
    await cli.clean()
  })

  async function agentCall(key: string, method: string, path: string, body: object): Promise<ActionAnswer> {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) })
    return (await response.json()) as ActionAnswer
  }

  test('leaves its address and token for its owner alone', () => {
    expect(JSON.parse(readFileSync(join(cli.data, 'server.json'), 'utf8'))).toMatchObject({ url })
    expect(statSync(join(cli.data, 'admin.token')).mode & 0o777).toBe(0o600)
    expect(statSync(cli.data).mode & 0o777).toBe(0o700)
  })

  test('propose says what was decided; a denial exits 1', () => {
    const allowed = cli.run(['propose', 'note.add', ...PROPOSE])
    expect(allowed).toMatchObject({ code: 0, err: '' })
    expect(allowed.out).toMatch(/decision +allow/)

    const denied = cli.run(['propose', 'note.burn', ...PROPOSE])
    expect(denied.code).toBe(1)
    expect(denied.out).toMatch(/decision +deny/)
    expect(denied.out).toMatch(/because +\w+:\w+/)
  })

  test('propose takes its input from a file and from stdin', () => {
    writeFileSync(join(cli.folder, 'input.json'), '{"text":"from a file"}')
    expect(cli.run(['propose', 'note.add', '--agent', 'writer', '--input', '@input.json']).out).toContain(
      'from a file',
    )
    const piped = cli.run(['propose', 'note.add', '--agent', 'writer', '--input', '-'], {
      input: '{"text":"from stdin"}',
    })
    expect(piped.out).toContain('from stdin')
  })

  test('the same idempotency key is the same action', () => {
    const first = cli.json<ActionAnswer>('propose', 'note.add', ...PROPOSE, '--idempotency-key', 'once')
    expect(cli.json<ActionAnswer>('propose', 'note.add', ...PROPOSE, '--idempotency-key', 'once').id).toBe(
      first.id,
    )
  })

  test('a held action waits until a person approves it', async () => {
    const waiting = cli.start(
      'propose',
      'note.publish',
      ...PROPOSE,
      '--session',
      'approve-me',
      '--target',
      'blog',
      '--wait',
      '30',
      '--json',
    )
    let approval: string | undefined
    await expect
      .poll(() => (approval = cli.json<ApprovalPage>('approvals', 'list').items[0]?.id), { timeout: 60_000 })
      .toBeDefined()
    const stranger = cli.run(['approvals', 'approve', approval ?? '', '--as', 'stranger@example.com'])
    expect(stranger).toMatchObject({ code: 1, err: expect.stringContaining('editor@example.com') as string })
    expect(cli.run(['approvals', 'approve', approval ?? '', ...AS_EDITOR])).toMatchObject({ code: 0 })
    const { code, out } = await waiting.done
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ state: 'ready', decision: 'require_approval' })
    expect(cli.run(['approvals', 'approve', approval ?? '', ...AS_EDITOR]).code).toBe(1)

    const grant = ['approvals', 'standing', 'grant', '--count', '1', '--for', '1h', '--reason', 'again']
    expect(cli.run([...grant, ...AS_EDITOR])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--agent, --action, --input') as string,
    })
    for (const bad of [
      ['--sum', 'amount'],
      ['--sum', 'amount=many'],
      ['--for', 'long'],
    ])
      expect(cli.run([...grant, ...bad])).toMatchObject({
        code: 2,
        err: expect.stringContaining('Expected') as string,
      })
    expect(cli.run([...grant, '--like', approval ?? '', ...AS_EDITOR]).out).toMatch(/^sta_\S+ is open/)
    expect(cli.json<{ items: object[] }>('approvals', 'standing', 'list').items).toMatchObject([
      { agent: 'writer', action: 'note.publish', targets: ['blog'], input: { text: { equals: 'hello' } } },
    ])
  })

  test('a session that nobody knows is said not to be there', () => {
    expect(cli.run(['replay', 'nobody-knows'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('session nobody-knows') as string,
    })
  })

  test('a rejected action exits 1 and says why', async () => {
    const waiting = cli.start('propose', 'note.publish', ...PROPOSE, '--wait', '30')
    let approval: string | undefined
    await expect
      .poll(() => (approval = cli.json<ApprovalPage>('approvals', 'list').items[0]?.id), { timeout: 60_000 })
      .toBeDefined()
    expect(cli.run(['approvals', 'reject', approval ?? '', ...AS_EDITOR]).code).toBe(2)
    expect(cli.run(['approvals', 'reject', approval ?? '', ...AS_EDITOR, '--reason', 'not now']).code).toBe(0)
    const { code, out } = await waiting.done
    expect(code).toBe(1)
    expect(out).toMatch(/state +denied/)
  })

  test('what an agent did can be undone by whom it is asked of', async () => {
    const key = cli.run(['keys', 'create', '--agent', 'writer']).out.trim()
    expect(key).toMatch(/^blk_/)
    const { id } = await agentCall(key, 'POST', '/v1/actions', {
      action: 'note.add',
      input: { text: 'undo me' },
      start: true,
    })
    await agentCall(key, 'POST', `/v1/actions/${id}/outcome`, { outcome: 'succeeded', result: { note: 1 } })

    const asked = cli.run(['actions', 'undo', id])
    expect(asked).toMatchObject({ code: 0, out: `${id}: its undo is requested\n` })
    expect(await agentCall(key, 'POST', `/v1/actions/${id}/undo`, { outcome: 'succeeded' })).toMatchObject({
      state: 'undone',
    })
    expect(cli.run(['actions', 'show', id]).out).toMatch(/state +undone/)

    expect(cli.run(['actions', 'undo']).code).toBe(2)
    expect(cli.run(['actions', 'undo', id, '--agent', 'writer']).code).toBe(2)
    expect(cli.run(['actions', 'undo', '--agent', 'writer', '--since', 'yesterday']).code).toBe(2)
    expect(cli.run(['actions', 'undo', '--agent', 'writer', '--since', '1h']).out).toContain('0 undone')

    const revoked = cli.json<{ items: { id: string; revoked_at: string | null }[] }>('keys', 'list').items[0]
    expect(cli.run(['keys', 'revoke', revoked?.id ?? '']).code).toBe(0)
    expect(await agentCall(key, 'POST', '/v1/actions', { action: 'note.add', input: {} })).toMatchObject({
      code: 'auth:required',
    })
  })

  test('actions can be listed, shown, explained and cancelled', () => {
    const { id } = cli.json<ActionAnswer>('propose', 'note.publish', ...PROPOSE)
    expect(cli.run(['actions', 'list', '--state', 'held', '--limit', '5']).out).toContain(id)
    expect(cli.run(['actions', 'list', '--state', 'nonsense']).code).toBe(2)
    expect(cli.run(['actions', 'show', id]).out).toMatch(/approval +\S+, editors 0 of 1, expires in/)
    expect(cli.run(['actions', 'explain', id])).toMatchObject({ code: 0, err: '' })
    expect(cli.run(['actions', 'cancel', id]).out).toBe(`${id} is cancelled\n`)
    const missing = cli.run(['actions', 'show', 'act_none'])
    expect(missing.code).toBe(1)
    expect(missing.err).toContain('belay actions list')
  })

  test('a paused agent does nothing until it is resumed', () => {
    expect(cli.run(['agents', 'pause', 'writer', '--reason', 'looking into it']).out).toBe(
      'writer is paused\n',
    )
    expect(cli.run(['agents', 'list']).out).toContain('looking into it')
    expect(cli.run(['propose', 'note.add', ...PROPOSE]).code).toBe(1)
    expect(cli.run(['agents', 'resume', 'writer']).out).toBe('writer is active\n')
    expect(cli.run(['propose', 'note.add', ...PROPOSE]).code).toBe(0)
    expect(cli.run(['agents', 'budget', 'writer']).out).toMatch(/day +usd +\$5/)
  })

  test('texts of agents cannot take over the terminal', () => {
    const hostile = { text: '\u001b[2J\u001b]0;owned\u0007 \u202eevil\nforged line' }
    const input = JSON.stringify(hostile)
    const plain = cli.run(['propose', 'note.publish', '--agent', 'writer', '--input', input])
    const outputs = [
      plain.out,
      cli.run(['approvals', 'list']).out,
      cli.run(['actions', 'list']).out,
      cli.run(['agents', 'pause', 'writer', '--reason', hostile.text]).out,
      cli.run(['agents', 'list']).out,
      cli.run(['agents', 'list', '--json']).out,
      cli.run(['actions', 'show', hostile.text]).err,
    ]
    cli.run(['agents', 'resume', 'writer'])
    for (const output of outputs) {
      expect(output.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
      expect(output).not.toMatch(/^forged line/m)
    }
  })

  test('the ledger verifies, also offline, and a changed file does not', () => {
    expect(cli.run(['ledger', 'verify'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^intact: /m) as string,
    })
    const file = join(cli.folder, 'ledger.ndjson')
    expect(cli.run(['ledger', 'export', '--output', file]).code).toBe(0)
    expect(cli.run(['ledger', 'export', '--output', file]).code).toBe(2)
    const offline = { env: { BELAY_URL: 'http://127.0.0.1:9', BELAY_TOKEN: 'nobody-answers-here' } }
    expect(cli.run(['ledger', 'verify', file], offline)).toMatchObject({ code: 0 })

    const text = readFileSync(file, 'utf8')
    expect(text).toContain('note.add')
    writeFileSync(file, text.replace('note.add', 'note.axe'))
    const tampered = cli.run(['ledger', 'verify', file], offline)
    expect(tampered).toMatchObject({ code: 1, out: expect.stringContaining('NOT INTACT') as string })

    const { id } = cli.json<ActionAnswer>('propose', 'note.add', ...PROPOSE)
    const proof = cli.run(['ledger', 'proof', id])
    writeFileSync(file, proof.out)
    expect(cli.run(['ledger', 'verify', file], offline)).toMatchObject({ code: 0 })
    writeFileSync(file, proof.out.replace('index ', 'index 1'))
    expect(cli.run(['ledger', 'verify', file], offline)).toMatchObject({ code: 1 })
  })

  test('a file is verified under the key that is named, and a kept checkpoint against what came of it', () => {
    const { id } = cli.json<ActionAnswer>('propose', 'note.add', ...PROPOSE)
    const proof = join(cli.folder, 'one.tlog-proof')
    writeFileSync(proof, cli.run(['ledger', 'proof', id]).out)
    const key = cli.run(['ledger', 'key']).out.trim()
    const elsewhere = ['--data', join(cli.folder, 'nothing')]
    const asked = cli.run(['ledger', 'verify', proof, ...elsewhere])
    expect(asked).toMatchObject({
      code: 2,
      err: expect.stringContaining('Whose signature counts?') as string,
    })
    expect(cli.run(['ledger', 'verify', proof, '--key', key, ...elsewhere])).toMatchObject({ code: 0 })
    const stranger = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
    expect(cli.run(['ledger', 'verify', proof, '--key', stranger, ...elsewhere])).toMatchObject({ code: 1 })
    expect(cli.run(['ledger', 'verify', proof, '--key', 'nonsense', ...elsewhere])).toMatchObject({ code: 2 })

    const kept = join(cli.folder, 'kept')
    writeFileSync(kept, cli.run(['ledger', 'checkpoint']).out)
    expect(cli.run(['ledger', 'verify', '--checkpoint', kept])).toMatchObject({ code: 0 })
    writeFileSync(kept, readFileSync(kept, 'utf8').replace(/\n(\d)/, '\n9$1'))
    expect(cli.run(['ledger', 'verify', '--checkpoint', kept])).toMatchObject({ code: 1 })
    expect(cli.run(['ledger', 'verify', '--checkpoint', proof])).toMatchObject({ code: 2 })
    expect(cli.run(['ledger', 'verify', '--witness'])).toMatchObject({ code: 2 })
    expect(cli.run(['ledger', 'logs']).out).toContain('belay-')
    const tiles = join(cli.folder, 'tiles')
    expect(cli.run(['ledger', 'export', '--tiles', tiles]).code).toBe(0)
    expect(readFileSync(join(tiles, 'main', 'checkpoint'), 'utf8')).toMatch(/^belay-[0-9a-f]+\/main\n/)
  })

  test('an erased action keeps its record and loses its input', () => {
    const { id } = cli.json<ActionAnswer>('propose', 'note.add', ...PROPOSE)
    expect(cli.run(['ledger', 'erase']).code).toBe(2)
    expect(cli.run(['ledger', 'erase', '--action', id]).code).toBe(0)
    expect(cli.run(['actions', 'show', id]).out).toContain('(erased)')
    expect(cli.run(['ledger', 'verify']).code).toBe(0)
  })

  test('a second harness on the same folder says who holds it', () => {
    const { code, err } = cli.run(['up', '--port', '0'])
    expect(code).toBe(2)
    expect(err).toMatch(/Another Belay process \(pid \d+\)/)
    expect(existsSync(join(cli.data, 'server.json'))).toBe(true)
  })

  test('a changed policy is taken, a bad one is refused', async () => {
    writeFileSync(join(cli.folder, 'belay.yaml'), POLICY.replace('note.add:', 'note.append:'))
    await expect.poll(() => cli.run(['propose', 'note.append', ...PROPOSE]).code, { timeout: 60_000 }).toBe(0)
    writeFileSync(join(cli.folder, 'belay.yaml'), 'version: 1\nactions: [')
    expect(cli.run(['propose', 'note.append', ...PROPOSE]).code).toBe(0)
    writeFileSync(join(cli.folder, 'belay.yaml'), POLICY)
    await expect.poll(() => cli.run(['propose', 'note.append', ...PROPOSE]).code, { timeout: 60_000 }).toBe(1)
  })
})

describe('without a running harness', () => {
  let cli: CommandLine

  beforeEach(() => {
    cli = new CommandLine()
  })

  afterEach(async () => {
    await cli.clean()
  })

  test('works on the data folder where that makes sense, and says so', () => {
    const proposed = cli.run(['propose', 'note.publish', ...PROPOSE, '--wait', '5'])
    expect(proposed.code).toBe(0)
    expect(proposed.err).toContain('working on the data folder .belay')
    expect(proposed.err).toContain('nobody can approve')
    expect(cli.json<ApprovalPage>('approvals', 'list').items).toHaveLength(1)
    expect(cli.run(['ledger', 'verify']).code).toBe(0)

    const approve = cli.run(['approvals', 'approve', 'apr_x', ...AS_EDITOR])
    expect(approve.code).toBe(2)
    expect(approve.err).toContain('belay up')
  })

  test('does not make a folder to list what is not there', () => {
    const { code, err } = cli.run(['actions', 'list'])
    expect(code).toBe(2)
    expect(err).toContain('no data folder')
    expect(existsSync(cli.data)).toBe(false)
  })

  test('BELAY_URL and BELAY_TOKEN name another one', () => {
    expect(cli.run(['agents', 'list'], { env: { BELAY_URL: 'http://127.0.0.1:9' } }).err).toContain(
      'BELAY_TOKEN',
    )
    const { code, err } = cli.run(['agents', 'list'], {
      env: { BELAY_URL: 'http://127.0.0.1:9', BELAY_TOKEN: 'a-token-of-some-length' },
    })
    expect(code).toBe(2)
    expect(err).toContain('does not answer')
  })

  test('kill -9 and a new start keep what waits; the stale address is ignored', async () => {
    const first = await cli.up()
    const { id } = cli.json<ActionAnswer>('propose', 'note.publish', ...PROPOSE)
    const token = readFileSync(join(cli.data, 'admin.token'), 'utf8')
    const { pid } = JSON.parse(readFileSync(join(cli.data, 'server.json'), 'utf8')) as { pid: number }
    process.kill(pid, 'SIGKILL')
    await first.done
    expect(existsSync(join(cli.data, 'server.json'))).toBe(true)
    expect(cli.run(['actions', 'list']).err).toContain('no harness is running')

    const second = await cli.up()
    expect(readFileSync(join(cli.data, 'admin.token'), 'utf8')).toBe(token)
    const [held] = cli.json<ApprovalPage>('approvals', 'list').items
    expect(held?.action.id).toBe(id)
    expect(cli.run(['approvals', 'approve', held?.id ?? '', ...AS_EDITOR]).code).toBe(0)
    second.child.kill('SIGTERM')
    expect((await second.done).code).toBe(0)
    expect(existsSync(join(cli.data, 'server.json'))).toBe(false)
  })

  test('a port in use is named', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const { done } = cli.start('up', '--port', String(port))
    const { code, err } = await done
    server.close()
    expect(code).toBe(2)
    expect(err).toContain(`Port ${port}`)
    expect(err).toContain('--port')
  })

  test('a bad policy is refused with every fault', () => {
    writeFileSync(
      join(cli.folder, 'belay.yaml'),
      'version: 1\nmode: sometimes\nactions:\n  a: { effect: explode }\n',
    )
    const { code, err, out } = cli.run(['up', '--port', '0'])
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toMatch(/belay\.yaml:2:\d+: error \S+: expected .+, found .+/)
    expect(err).toMatch(/belay\.yaml:4:\d+: error \S+: expected .+, found .+/)
    const lint = cli.run(['policy', 'lint'])
    expect(lint.code).toBe(1)
    expect(lint.out).toMatch(/belay\.yaml:2:\d+/)
  })
})

describe('without anything', () => {
  let cli: CommandLine

  beforeEach(() => {
    cli = new CommandLine(null)
  })

  afterEach(async () => {
    await cli.clean()
  })

  test('up says how to begin', () => {
    const { code, err } = cli.run(['up'])
    expect(code).toBe(2)
    expect(err).toContain('belay init')
  })

  test.each([
    [[]],
    [['nonsense']],
    [['up', '--port', '99999']],
    [['up', '--port', 'x']],
    [['propose', 'a.b']],
    [['propose', 'a.b', '--agent', 'x']],
    [['propose', 'a.b', '--agent', 'x', '--input', '{']],
    [['propose', 'a.b', '--agent', 'x', '--input', '[]']],
    [['propose', 'a.b', '--agent', 'x', '--input', '@missing.json']],
    [['propose', 'a.b', '--agent', 'x', '--input', '{}', '--confidence', '2']],
    [['actions']],
    [['actions', 'show']],
    [['keys', 'create']],
    [['ledger', 'verify', 'missing.ndjson']],
    [['policy', 'lint', 'missing.yaml']],
    [['replay', 'x']],
  ])('bad usage exits 2: belay %j', (args) => {
    const { code, out, err } = cli.run(args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).not.toBe('')
    expect(err).not.toMatch(/^\s+at /m)
  })

  test('help and version exit 0', () => {
    expect(cli.run(['--help'])).toMatchObject({ code: 0, err: '' })
    expect(cli.run(['--version']).out).toMatch(/^\d+\.\d+\.\d+/)
    expect(cli.run(['propose', '--help']).out).toContain('--idempotency-key')
  })

  test('init writes a policy that is valid and fitted, once', () => {
    writeFileSync(
      join(cli.folder, 'package.json'),
      '{"name":"@shop/Support Bot","dependencies":{"stripe":"1","nodemailer":"1"}}',
    )
    const { code, out } = cli.run(['init'])
    expect(code).toBe(0)
    expect(out).toContain('business (payments): for stripe')
    expect(out).toContain('business (mail): for nodemailer')
    const text = readFileSync(join(cli.folder, 'belay.yaml'), 'utf8')
    expect(text).toContain('shop-support-bot:')
    expect(text).toContain('mode: observe')
    expect(text).toContain('payments.refund:')
    expect(text).not.toContain('social.post:')
    expect(cli.run(['policy', 'lint'])).toMatchObject({ code: 0, out: 'belay.yaml is valid\n' })
    expect(cli.run(['init']).code).toBe(2)
  })

  test.each(['{"dependencies":{"twilio":"1","@slack/web-api":"1","pg":"1"}}', '{}', '{', ''])(
    'init suits %s',
    (manifest) => {
      writeFileSync(join(cli.folder, 'package.json'), manifest)
      expect(cli.run(['init']).code).toBe(0)
      expect(cli.run(['policy', 'lint']).out).toBe('belay.yaml is valid\n')
    },
  )

  test('the schema is JSON', () => {
    expect(JSON.parse(cli.run(['policy', 'schema']).out)).toHaveProperty('$schema')
  })
})
