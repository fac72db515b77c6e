// Prompts from files: rendered by label, named by the record of what they led to; the ledger goes to a file as well.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Belay } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'belay-example-'))
const config = join(folder, 'belay.yaml')
mkdirSync(join(folder, 'prompts'))
writeFileSync(
  config,
  `version: 1
prompts: prompts
actions: { ticket.reply: {} }
export:
  audit: { format: cloudevents, file: audit.ndjson, from: start }
`,
)
writeFileSync(
  join(folder, 'prompts', 'reply.md'),
  '---\nlabels: [production]\nconfig: { model: small }\n---\nAnswer {{customer}} kindly.\n',
)

try {
  const belay = await Belay.open({ config, data: join(folder, 'data') })
  const prompt = await belay.prompts.render('reply', {
    label: 'production',
    variables: { customer: 'Jane' },
  })
  assert.equal(prompt.text, 'Answer Jane kindly.')
  assert.equal(prompt.ref, 'reply@1')
  assert.equal(prompt.headers['belay-prompt'], 'reply@1')

  await assert.rejects(belay.prompts.render('reply'), { code: 'prompt:variables' })
  await belay.propose('ticket.reply', { text: 'Hello' }, { agent: 'support', prompt: prompt.ref })
  await belay.close()

  const events = readFileSync(join(folder, 'audit.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; data: { facts?: { prompt?: { name: string } } } })
  const decision = events.find(({ type }) => type === 'dev.belay.decision')
  assert.equal(decision?.data.facts?.prompt?.name, 'reply', 'the record names the prompt')
  console.log('ok: the record names the version of the prompt, and the file has the record')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
