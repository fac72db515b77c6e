import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Belay } from '../src/index.ts'
import { startTestServer } from './setup/http-server.ts'
import type { TestServer } from './setup/http-server.ts'
import { CommandLine } from './command-line.ts'

describe('by the SDK', () => {
  const cli = new CommandLine()
  let server: TestServer
  const opened: Belay[] = []
  const doors: { readonly name: string; belay: Belay }[] = []
  beforeAll(async () => {
    server = await startTestServer()
    mkdirSync(join(cli.folder, 'prompts'))
    writeFileSync(join(cli.folder, 'belay.yaml'), 'version: 1\nprompts: prompts\nactions: { note.add: {} }\n')
    writeFileSync(join(cli.folder, 'prompts', 'greet.md'), 'Hello {{name}}\n')
    const chat = { name: 'greet', text: 'Hello {{name}}' }
    await server.call('POST', '/v1/prompts', chat)
    await server.call('POST', '/v1/prompts', { ...chat, text: 'Hi {{name}}' })
    await server.call('PUT', '/v1/prompts/greet/labels/production', { version: 1 })
    const remote = await Belay.open({ url: server.url, key: await server.key('writer') })
    const embedded = await Belay.open({ config: join(cli.folder, 'belay.yaml'), data: cli.data })
    opened.push(remote, embedded)
    doors.push({ name: 'remote', belay: remote }, { name: 'embedded', belay: embedded })
  })
  afterAll(async () => {
    for (const belay of opened) await belay.close()
    await server.close()
    await cli.clean()
  })

  test('both kinds of harness give and render', async () => {
    for (const { belay } of doors) {
      const template = await belay.prompts.get('greet', { version: 1 })
      expect(template).toMatchObject({ ref: 'greet@1', text: 'Hello {{name}}', messages: null, config: {} })
      const filled = await belay.prompts.render('greet', { version: 1, variables: { name: 'Ann' } })
      expect(filled).toMatchObject({ text: 'Hello Ann', headers: { 'belay-prompt': 'greet@1' } })
      expect(filled.digest).toBe(template.digest)
      await expect(belay.prompts.get('greet', { label: 'nowhere' })).rejects.toMatchObject({
        code: 'prompt:not_found',
      })
      await expect(belay.prompts.render('greet')).rejects.toMatchObject({ code: 'prompt:variables' })
    }
    expect((await doors[0]!.belay.prompts.get('greet', { label: 'production' })).version).toBe(1)
    expect((await doors[0]!.belay.prompts.get('greet')).version).toBe(2)
  })

  test('an action names the prompt that led to it', async () => {
    const remote = doors[0]!.belay
    const standing = await remote.propose('note.add', {}, { agent: 'writer', prompt: 'greet@production' })
    const records = await server.harness.store.recordsOf(standing.id)
    expect(JSON.parse(records[0]!.text)).toMatchObject({ facts: { prompt: { name: 'greet', version: 1 } } })
    const { body } = await server.call('GET', `/v1/actions/${standing.id}/explain`)
    expect(JSON.stringify(body)).toContain('greet@1')
    await expect(
      remote.propose('note.add', {}, { agent: 'writer', prompt: 'greet@9' }),
    ).rejects.toMatchObject({
      code: 'prompt:not_found',
    })
    const embedded = doors[1]!.belay
    await expect(embedded.propose('note.add', {}, { agent: 'a', prompt: 'x' })).rejects.toMatchObject({
      code: 'prompt:not_found',
    })
    expect((await embedded.propose('note.add', {}, { agent: 'a', prompt: 'greet' })).decision).toBe('allow')
  })
})

describe('by the command line', () => {
  const cli = new CommandLine()
  afterAll(() => cli.clean())

  test('push, list, show, label, render, diff', { timeout: 180_000 }, () => {
    mkdirSync(join(cli.folder, 'texts'))
    const file = join(cli.folder, 'texts', 'greet.md')
    writeFileSync(file, '---\nlabels: [production]\nconfig: { model: small }\n---\nHello {{name}}\nBye\n')
    expect(cli.run(['prompts', 'push', 'texts'])).toMatchObject({
      code: 0,
      out: 'greet@1 is new (production, latest)\n',
    })
    expect(cli.run(['prompts', 'push', 'texts']).out).toBe('greet@1 says the same (production, latest)\n')
    writeFileSync(file, '---\nconfig: { model: small }\n---\nHi {{name}}\nBye\n')
    expect(cli.run(['prompts', 'push', file]).out).toBe('greet@2 is new (latest)\n')
    expect(cli.run(['prompts', 'list']).out).toMatch(/greet +2 +production=1/)
    expect(cli.run(['prompts', 'show', 'greet@production']).out).toContain('Hello {{name}}')
    const diff = cli.run(['prompts', 'diff', 'greet', 'production'])
    expect(diff.code).toBe(1)
    expect(diff.out).toContain('- Hello {{name}}\n+ Hi {{name}}\n  Bye\n')
    expect(cli.run(['prompts', 'label', 'greet', 'production', '2']).out).toBe('production is greet@2\n')
    expect(cli.run(['prompts', 'diff', 'greet', 'production'])).toMatchObject({
      code: 0,
      out: 'they say the same\n',
    })
    const rendered = cli.run(['prompts', 'render', 'greet@1', '--var', 'name=A=B'])
    expect(rendered).toMatchObject({ code: 0, out: 'Hello A=B\nBye\n' })
    expect(cli.run(['prompts', 'render', 'greet']).err).toContain('missing: name')
    expect(cli.run(['prompts', 'show', 'nobody']).code).toBe(1)
    writeFileSync(file, 'Hello {{\n')
    const bad = cli.run(['prompts', 'push', 'texts'])
    expect(bad.code).toBe(2)
    expect(bad.err).toContain('greet.md:1:1')
  })

  test('policy lint looks into the folder of prompts', { timeout: 60_000 }, () => {
    writeFileSync(join(cli.folder, 'with.yaml'), 'version: 1\nprompts: texts\n')
    writeFileSync(join(cli.folder, 'texts', 'greet.md'), 'Hello {{\n')
    const lint = cli.run(['policy', 'lint', 'with.yaml'])
    expect(lint.code).toBe(1)
    expect(lint.out).toContain('greet.md:1:1')
  })
})
