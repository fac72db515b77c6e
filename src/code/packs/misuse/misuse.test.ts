import { describe, expect, it } from 'vitest'
import { programOf } from '../../../../test/code/program-of.ts'
import type { CodeEdit } from '../../finding.ts'
import { MISUSE } from './misuse.ts'

const PATH = 'src/app.ts'

const findings = (text: string) => MISUSE.run(programOf([{ path: PATH, text }]))
const rules = (text: string): string[] => findings(text).map((each) => each.rule.replace('misuse/', ''))

function applied(text: string, edits: readonly CodeEdit[]): string {
  return edits
    .toSorted((a, b) => b.at - a.at)
    .reduce((before, { at, end, text: put }) => before.slice(0, at) + put + before.slice(end), text)
}

describe('edits of fixes', () => {
  it.each([
    [
      'tls-not-verified',
      "import https from 'https'\nexport const agent = new https.Agent({ rejectUnauthorized: false })",
    ],
    ['tls-not-verified', "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'"],
    [
      'short-key',
      "import { generateKeyPairSync } from 'crypto'\nexport const pair = generateKeyPairSync('rsa', { modulusLength: 1024 })",
    ],
    [
      'fast-password-hash',
      "import bcrypt from 'bcrypt'\nexport const keep = (password: string) => bcrypt.hash(password, 6)",
    ],
    [
      'token-never-expires',
      "import jwt from 'jsonwebtoken'\nexport const read = (token: string) => jwt.verify(token, process.env.K!, { ignoreExpiration: true })",
    ],
    ['insecure-cookie', "export const login = (req, res) => res.cookie('token', req.token)"],
    ['insecure-cookie', "export const login = (req, res) => res.cookie('token', req.token, {})"],
    [
      'insecure-cookie',
      "export const login = (req, res) => res.cookie('token', req.token, { httpOnly: false, path: '/' })",
    ],
    [
      'insecure-cookie',
      "import session from 'express-session'\nexport const keep = session({ secret: process.env.S! })",
    ],
    [
      'insecure-cookie',
      "import session from 'express-session'\nexport const keep = session({ secret: process.env.S!, cookie: { secure: false } })",
    ],
  ])('%s falls silent: %s', (rule, text) => {
    const [finding] = findings(text).filter((each) => each.rule === `misuse/${rule}`)
    const fixed = applied(text, finding?.fix?.edits ?? [])
    expect(rules(text)).toContain(rule)
    expect(rules(fixed)).toEqual([])
  })
})

describe('secrets by their look', () => {
  // Put together here, so that no format stands in this file.
  const token = ['gh', 'p_', 'x7Kq2mZp9Lw4Rt8Vb3Nc6Hd1Jf5Gs0Ya2Ue4'].join('')

  it.each([
    ['a token of a known format', `export const options = { auth: '${token}' }`],
    [
      'a fallback of a setting',
      "export const apiKey = process.env.API_KEY || 'f3c9a17be04d42d6b8815e60c2aa9d37'",
    ],
    [
      'a default of a parameter',
      "export const call = (apiSecret = 'f3c9a17be04d42d6b8815e60c2aa9d37') => apiSecret",
    ],
  ])('finds %s', (_, text) => expect(rules(text)).toEqual(['hard-coded-secret']))

  it.each([
    ['a reference', 'export const apiKey = process.env.API_KEY'],
    ['a placeholder', "export const apiKey = 'your-api-key-goes-here-1'"],
    ['a name of a field', "export const passwordField = 'user[password1]'"],
    ['a digest under a name that is none', "export const integrity = 'f3c9a17be04d42d6b8815e60c2aa9d37'"],
  ])('is silent on %s', (_, text) => expect(rules(text)).toEqual([]))

  it('does not repeat the secret', () => {
    const [finding] = findings(`export const options = { auth: '${token}' }`)
    expect(JSON.stringify(finding)).not.toContain(token.slice(4))
  })
})

it('looks at no comments and no test code', () => {
  const text =
    "// jwt.verify(token, 'secret', { algorithms: ['none'] })\nexport const agent = { rejectUnauthorized: false }"
  expect(MISUSE.run(programOf([{ path: 'test/agent.test.ts', text }]))).toEqual([])
  expect(rules(text.split('\n')[0] as string)).toEqual([])
})
