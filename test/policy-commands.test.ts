import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CommandLine } from './command-line.ts'

const OBSERVING = `
version: 1
mode: observe
agents:
  writer: { rate: [{ limit: 1000, per: hour }], breaker: { error_rate: 0.5, over: 4, then: pause } }
actions:
  note.add: { effect: write, verify: [{ secrets: {} }] }
  note.publish: { effect: write, approve: [{ when: 'input.size > 10', by: [editors], message: "Large notes need\\u001b an editor." }] }
approvers: { editors: { members: [editor@example.com] } }
`

interface PreviewAnswer {
  readonly observed: number
  readonly enforced: number
  readonly complete: boolean
  readonly mode: string
  readonly decisions: Readonly<Record<string, number>>
  readonly held_back: readonly {
    readonly code: string
    readonly count: number
    readonly examples: string[]
  }[]
  readonly paused_now: readonly string[]
}

describe('policy preview', () => {
  let cli: CommandLine
  let call: (path: string, body: object) => Promise<{ readonly id: string }>

  beforeAll(async () => {
    cli = new CommandLine(OBSERVING)
    const { url } = await cli.up()
    const token = readFileSync(join(cli.data, 'admin.token'), 'utf8').trim()
    call = async (path, body) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
      const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
      if (!response.ok) throw new Error(await response.text())
      return (await response.json()) as { id: string }
    }
    // More than one page of them.
    for (let at = 0; at < 450; at += 50) {
      await Promise.all(
        Array.from({ length: 50 }, () =>
          call('/v1/actions', { agent: 'writer', action: 'note.add', input: { size: 1 } }),
        ),
      )
    }
    for (let at = 0; at < 3; at++)
      await call('/v1/actions', { agent: 'writer', action: 'note.publish', input: { size: 11 } })
    await call('/v1/actions', { agent: 'reader', action: 'note.burn', input: {} })
  })

  afterAll(async () => {
    await cli.clean()
  })

  test('says what would have been held back, why, and what comes next', () => {
    const { code, out, err } = cli.run(['policy', 'preview'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('454 actions of 2 agents observed')
    expect(out).toMatch(/let pass +450 +99\.1%/)
    expect(out).toMatch(/asked a person for +3 +0\.7%/)
    expect(out).toMatch(/refused +1 +0\.2%/)
    expect(out).toMatch(/^3 +require_approval +note\.publish +approval:required +act_\S+ +Large notes/m)
    expect(out).toMatch(/^1 +deny +note\.burn +policy:no_match +act_/m)
    expect(out).toMatch(/next: .*`mode: enforce`/)
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })

  test('as JSON, with ids that can be explained', () => {
    const answer = cli.json<PreviewAnswer>('policy', 'preview')
    expect(answer).toMatchObject({
      observed: 454,
      enforced: 0,
      complete: true,
      mode: 'observe',
      decisions: { allow: 450, transform: 0, require_approval: 3, deny: 1 },
    })
    const [first] = answer.held_back
    expect(first).toMatchObject({ code: 'approval:required', count: 3 })
    expect(first?.examples).toHaveLength(3)
    expect(cli.run(['actions', 'explain', first?.examples[0] ?? '']).code).toBe(0)
  })

  test('of one agent, of one action, of no more than so many', () => {
    expect(cli.json<PreviewAnswer>('policy', 'preview', '--agent', 'reader').observed).toBe(1)
    expect(cli.json<PreviewAnswer>('policy', 'preview', '--action', 'note.publish').observed).toBe(3)
    expect(cli.json<PreviewAnswer>('policy', 'preview', '--limit', '210')).toMatchObject({
      observed: 210,
      complete: false,
    })
    const few = cli.run(['policy', 'preview', '--limit', '3', '--top', '1']).out
    expect(few).toContain('Only the newest 3')
    expect(few).toContain('1 more for other reasons')
    expect(cli.run(['policy', 'preview', '--agent', 'nobody'])).toMatchObject({
      code: 0,
      out: expect.stringContaining('Nothing was observed') as string,
    })
  })

  test('names the agents whose breaker opened', async () => {
    for (let at = 0; at < 3; at++) {
      const { id } = await call('/v1/actions', {
        agent: 'writer',
        action: 'note.add',
        input: {},
        start: true,
      })
      await call(`/v1/actions/${id}/outcome`, { outcome: 'failed' })
    }
    await call('/v1/actions', { agent: 'writer', action: 'note.add', input: {} })
    const { out } = cli.run(['policy', 'preview'])
    expect(out).toMatch(/Agents that would have been paused or stopped\n {2}writer /)
    expect(out).toContain('1 action would have been refused for that alone')
    expect(out).toContain('enforcing would refuse less of it')
    expect(out).toContain('Paused now, and idle as soon as the policy enforces: writer')
    expect(cli.json<PreviewAnswer>('policy', 'preview').paused_now).toEqual(['writer'])
  })

  test.each([
    [['--since', 'yesterday']],
    [['--limit', '0']],
    [['--limit', '1e9']],
    [['--top', '-1']],
    [['--agent', 'two words']],
    [['surplus']],
  ])('bad usage exits 2: %j', (args) => {
    const { code, out, err } = cli.run(['policy', 'preview', ...args])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).not.toBe('')
  })
})

describe('without a running harness', () => {
  let cli: CommandLine

  beforeEach(() => {
    cli = new CommandLine(OBSERVING)
  })

  afterEach(async () => {
    await cli.clean()
  })

  test('preview works on the data folder, and makes none', () => {
    expect(cli.run(['policy', 'preview'])).toMatchObject({ code: 2, out: '' })
    cli.run(['propose', 'note.publish', '--agent', 'writer', '--input', '{"size":99}'])
    const { code, out, err } = cli.run(['policy', 'preview'])
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('data folder') as string })
    expect(out).toContain('1 action of 1 agent observed')

    writeFileSync(join(cli.folder, 'belay.yaml'), OBSERVING.replace('mode: observe', 'mode: enforce'))
    cli.run(['propose', 'note.publish', '--agent', 'writer', '--input', '{"size":99}'])
    const later = cli.run(['policy', 'preview']).out
    expect(later).toContain('1 more were decided under enforce')
    expect(later).toContain('The policy enforces now')
  })

  test('diff names what changes, and exits 1 when something does', () => {
    const write = (name: string, text: string): void => writeFileSync(join(cli.folder, name), text)
    write('same.yaml', `# the same\n${OBSERVING}`)
    expect(cli.run(['policy', 'diff', 'belay.yaml', 'same.yaml'])).toEqual({
      code: 0,
      out: 'no difference in meaning\n',
      err: '',
    })
    write(
      'other.yaml',
      OBSERVING.replace('mode: observe', 'mode: enforce').replace('limit: 1000', 'limit: 2000'),
    )
    const { code, out } = cli.run(['policy', 'diff', 'belay.yaml', 'other.yaml'])
    expect(code).toBe(1)
    expect(out).toBe(
      '~ mode  stricter\n    observe → enforce\n' +
        '~ agents.writer.rate per hour  looser\n    1000 → 2000\n' +
        '2 differences: 1 looser, 1 stricter\n',
    )
    const json = cli.run(['policy', 'diff', 'belay.yaml', 'other.yaml', '--json'])
    expect(json.code).toBe(1)
    expect(JSON.parse(json.out)).toMatchObject({
      before: { file: 'belay.yaml', mode: 'observe' },
      after: { file: 'other.yaml', mode: 'enforce' },
      changes: [
        { where: 'mode', kind: 'changed', direction: 'stricter' },
        { before: 1000, after: 2000 },
      ],
    })
  })

  test('diff sees what lies in the files that checks name', () => {
    const policy = (file: string): string =>
      `version: 1\nactions: { a: { verify: [{ banned_phrases: { file: ${file} } }] } }\n`
    for (const [name, text] of [
      ['one.yaml', policy('one.txt')],
      ['one.txt', 'one\n'],
      ['two.yaml', policy('two.txt')],
      ['two.txt', 'two\n'],
    ] as const)
      writeFileSync(join(cli.folder, name), text)
    const { code, out } = cli.run(['policy', 'diff', 'one.yaml', 'two.yaml'])
    expect(code).toBe(1)
    expect(out).toContain('~ contents of the files that checks name')
    expect(out).toContain('one.txt → two.txt')
  })

  test('diff of what is no policy exits 2 and says why', () => {
    writeFileSync(join(cli.folder, 'bad.yaml'), 'version: 1\nactions: { a: { effect: explode } }\n')
    const bad = cli.run(['policy', 'diff', 'belay.yaml', 'bad.yaml'])
    expect(bad).toMatchObject({ code: 2, out: '' })
    expect(bad.err).toMatch(/bad\.yaml:2:\d+: error/)
    expect(cli.run(['policy', 'diff', 'belay.yaml', 'missing.yaml'])).toMatchObject({ code: 2, out: '' })
    expect(cli.run(['policy', 'diff', 'belay.yaml'])).toMatchObject({ code: 2, out: '' })
  })
})

describe('init', () => {
  let cli: CommandLine

  beforeEach(() => {
    cli = new CommandLine(null)
  })

  afterEach(async () => {
    await cli.clean()
  })

  test.each([
    [['--for', 'coding-agent'], 'coding-agent, mcp, model-gateway'],
    [['--for', 'business'], 'business'],
    [['--for', 'mcp,business'], 'business, mcp'],
    [['--for', 'mcp', '--for', 'model-gateway'], 'mcp, model-gateway'],
  ])('%j writes %s, which is valid and observes', (args, points) => {
    const { code, out } = cli.run(['init', ...args])
    expect(code).toBe(0)
    expect(out).toContain(`wrote belay.yaml: ${points}\n`)
    expect(cli.run(['policy', 'lint'])).toMatchObject({ code: 0, out: 'belay.yaml is valid\n' })
    expect(readFileSync(join(cli.folder, 'belay.yaml'), 'utf8')).toMatch(/^mode: observe$/m)
    expect(cli.run(['init', ...args])).toMatchObject({ code: 2, out: '' })
  })

  test.each([[['--for', 'nonsense']], [['--for', '']], [['--for']], [['--for', 'mcp,__proto__']]])(
    'bad usage exits 2 and writes nothing: %j',
    (args) => {
      expect(cli.run(['init', ...args])).toMatchObject({ code: 2, out: '' })
      expect(cli.run(['policy', 'lint']).code).toBe(2)
    },
  )

  test('help says what each starting point is for', () => {
    expect(cli.run(['init', '--help']).out).toMatch(/business +mail, posts, payments/)
  })
})
