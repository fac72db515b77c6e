import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { readPromptFile } from './read-prompt-file.ts'
import { readPromptFolder } from './read-prompt-folder.ts'

describe('a file', () => {
  test('in Markdown, with front matter', () => {
    const text = `---
name: support.reply
labels: [production, eu]
note: shorter
config: { model: small, params: { temperature: 0.2 } }
---

# Reply to {{customer}}

--- stays
`
    expect(readPromptFile(text, 'a.md', 'other')).toEqual({
      prompt: {
        name: 'support.reply',
        labels: ['production', 'eu'],
        note: 'shorter',
        config: { model: 'small', params: { temperature: 0.2 } },
        content: { kind: 'text', text: '# Reply to {{customer}}\n\n--- stays' },
      },
      faults: [],
    })
  })

  test('in Markdown without front matter is all text; lines may end as on Windows', () => {
    const { prompt } = readPromptFile('\uFEFFHello\r\n{{name}}\r\n', 'a.md', 'greeting')
    expect(prompt).toMatchObject({ name: 'greeting', content: { kind: 'text', text: 'Hello\n{{name}}' } })
  })

  test('in YAML, a text or a list of messages', () => {
    expect(readPromptFile('text: |\n  Hello {{name}}\n', 'a.yaml', 'greeting').prompt).toMatchObject({
      content: { kind: 'text', text: 'Hello {{name}}' },
      config: {},
      labels: [],
    })
    const chat =
      'messages:\n  - { role: system, content: Be kind. }\n  - { role: user, content: "{{question}}" }\n'
    expect(readPromptFile(chat, 'a.yml', 'chat').prompt?.content).toEqual({
      kind: 'chat',
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: '{{question}}' },
      ],
    })
  })

  test.each([
    ['a.yaml', 'text: a\nmessages: []\n', 1, 'either text or messages'],
    ['a.yaml', 'name: x\n', 1, 'either text or messages'],
    ['a.yaml', 'text: 7\n', 1, 'text: a text'],
    ['a.yaml', 'text: a\nlabels: [latest]\n', 2, 'latest moves by itself'],
    ['a.yaml', 'text: a\nlabels: ["3"]\n', 2, 'labels of small letters'],
    ['a.yaml', 'text: a\nconfig: 7\n', 2, 'config: a map'],
    ['a.yaml', 'text: a\nname: a b\n', 2, 'name: a text that fits'],
    ['a.yaml', 'text: a\ntemperature: 1\n', 2, 'name, labels, note, config'],
    ['a.yaml', 'messages:\n  - { role: root, content: x }\n', 2, 'role: system, user, assistant'],
    ['a.yaml', 'messages:\n  - { role: user, content: x, tool: y }\n', 2, 'role and content'],
    ['a.yaml', 'text: a\ntext: b\n', 2, 'valid YAML'],
    ['a.md', '---\nname: x\nbad: [\n---\nHello\n', 4, 'valid YAML'],
    ['a.md', '---\nnaam: x\n---\nHello\n', 2, 'name, labels'],
    ['a.md', '---\ntext: x\n---\nHello\n', 2, 'below the front matter'],
    ['a.md', 'Hello {{ you\n', 1, 'a template that can be read'],
    ['a.md', '---\nname: x\n', 1, 'a template that can be read'],
    ['a.md', '\n\n', 1, 'a template that can be read'],
  ])('%s %j is a fault in line %i', (file, text, line, expected) => {
    const { prompt, faults } = readPromptFile(text, file, 'other')
    expect(prompt).toBeNull()
    expect(faults[0]).toMatchObject({ file, line, severity: 'error' })
    expect(faults[0]?.expected).toContain(expected)
  })
})

describe('a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'belay-prompts-'))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test('gives every prompt below it; a bad file is a fault and takes no other with it', () => {
    mkdirSync(join(folder, 'support'), { recursive: true })
    writeFileSync(join(folder, 'support', 'reply.md'), 'Hello {{name}}\n')
    writeFileSync(join(folder, 'a.yaml'), 'text: A\n')
    writeFileSync(join(folder, 'b.yaml'), 'name: a\ntext: B\n')
    writeFileSync(join(folder, 'bad.yml'), 'text: [\n')
    writeFileSync(join(folder, 'bytes.md'), Buffer.from([0xff, 0xfe, 0xff]))
    writeFileSync(join(folder, 'README.md'), 'about these {{ files')
    writeFileSync(join(folder, '.hidden.md'), 'x')
    writeFileSync(join(folder, 'notes.txt'), 'x')
    symlinkSync('/etc/hostname', join(folder, 'link.md'))
    const { prompts, faults } = readPromptFolder(folder)
    expect(prompts.map(({ path, prompt }) => [path, prompt.name])).toEqual([
      ['a.yaml', 'a'],
      ['support/reply.md', 'support.reply'],
    ])
    expect(faults.map(({ file, expected }) => [file.slice(folder.length + 1), expected])).toEqual([
      ['b.yaml', 'a name of its own'],
      ['bad.yml', 'valid YAML 1.2'],
      ['bytes.md', expect.stringContaining('UTF-8')],
    ])
  })

  test('that is not there is a fault', () => {
    expect(readPromptFolder(join(folder, 'nowhere')).faults).toMatchObject([
      { expected: 'a folder of prompts' },
    ])
  })
})
