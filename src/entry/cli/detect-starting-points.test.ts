import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { agentNameOf, detectStartingPoints, ignoresDataFolder } from './detect-starting-points.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-detect-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

function put(path: string, text = ''): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}
const manifest = (...names: readonly string[]): string =>
  JSON.stringify({ dependencies: Object.fromEntries(names.map((name) => [name, '1'])) })

test.each([
  ['.claude/settings.json', '{}', ['coding-agent', 'model-gateway']],
  ['CLAUDE.md', '', ['coding-agent', 'model-gateway']],
  ['.cursor/rules', '', ['coding-agent', 'model-gateway']],
  ['.mcp.json', '{}', ['mcp', 'model-gateway']],
  ['package.json', manifest('@modelcontextprotocol/sdk'), ['mcp', 'model-gateway']],
  ['requirements.txt', 'fastmcp==2.0', ['mcp', 'model-gateway']],
  ['package.json', manifest('stripe'), ['business', 'model-gateway']],
  ['package.json', manifest('twilio'), ['model-gateway']],
  ['package.json', manifest('ai'), ['model-gateway', 'business']],
  ['package.json', manifest('left-pad'), ['business', 'model-gateway']],
  ['package.json', '{', ['business', 'model-gateway']],
  ['package.json', '[]', ['business', 'model-gateway']],
  ['package.json', '{"dependencies":["stripe"]}', ['business', 'model-gateway']],
])('%s with %s suggests %j', (path, text, points) => {
  put(path, text)
  expect(detectStartingPoints(folder).points).toEqual(points)
})

test('of business only what something was found for', () => {
  put('package.json', manifest('stripe', 'nodemailer', 'twilio', 'pg'))
  put('pyproject.toml', 'dependencies = ["simple-salesforce>=1"]')
  expect(detectStartingPoints(folder)).toEqual({
    points: ['business', 'model-gateway'],
    parts: { business: ['mail', 'payments', 'crm'] },
    actions: ['sms.send', 'database.write'],
    because: [
      { what: 'business (mail)', found: 'nodemailer' },
      { what: 'business (payments)', found: 'stripe' },
      { what: 'business (crm)', found: 'simple-salesforce' },
      { what: 'sms.send', found: 'twilio' },
      { what: 'database.write', found: 'pg' },
    ],
  })
})

test('several kinds are found side by side', () => {
  put('.claude/settings.json')
  put('package.json', manifest('resend', '@modelcontextprotocol/sdk', 'openai'))
  expect(detectStartingPoints(folder)).toMatchObject({
    points: ['coding-agent', 'mcp', 'model-gateway', 'business'],
    parts: { business: ['mail'] },
  })
})

test('a manifest that is no file, or too large for one, is none', () => {
  execFileSync('mkfifo', [join(folder, 'package.json')])
  put('requirements.txt', `stripe\n${'#'.repeat(1_000_001)}`)
  mkdirSync(join(folder, 'pyproject.toml'))
  expect(detectStartingPoints(folder).because).toEqual([])
})

test.each([
  ['{"name":"@shop/Support Bot"}', 'shop-support-bot'],
  ['{"name":"\u202e__proto__"}', 'proto'],
  ['{"name":"///"}', 'my-agent'],
])('the agent of %s is %s', (text, name) => {
  put('package.json', text)
  expect(agentNameOf(folder)).toBe(name)
})

test('knows whether git leaves the data folder alone', () => {
  expect(ignoresDataFolder(folder)).toBe(false)
  put('.gitignore', 'node_modules\n/.belay/\n')
  expect(ignoresDataFolder(folder)).toBe(true)
})
