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
    [
      'a label that a protocol prescribes',
      "import { createHmac } from 'crypto'\nexport const key = (token: string) => createHmac('sha256', 'WebAppData').update(token).digest()",
    ],
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

/** `[rule, files]`: the faults of the pairs, as others write them. */
const VARIANTS: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  [
    'weak-random',
    {
      'a.js':
        "function generateSessionToken() {\n return 'xxxx-xxxx'.replace(/[xy]/g, (c) => { const r = (Math.random() * 16) | 0; const v = c === 'x' ? r : (r & 3) | 8; return v.toString(16) })\n}\nmodule.exports = { generateSessionToken }",
    },
  ],
  [
    'hard-coded-secret',
    {
      'a.ts':
        "import { Module } from '@nestjs/common'\nimport { JwtModule } from '@nestjs/jwt'\n@Module({ imports: [JwtModule.register({ secret: 'secretKey', signOptions: { expiresIn: '60s' } })] })\nexport class AuthModule {}",
    },
  ],
  [
    'hard-coded-secret',
    {
      'a.ts':
        "import { SignJWT } from 'jose'\nconst key = new TextEncoder().encode('secret-of-shop')\nexport const t = (id: string) => new SignJWT({ id }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(key)",
    },
  ],
  [
    'hard-coded-secret',
    {
      'a.js':
        "const mysql = require('mysql2')\nmodule.exports = mysql.createPool({ host: 'db.prod.example.com', user: 'root', password: 'shopadmin' })",
    },
  ],
  [
    'fast-password-hash',
    {
      'a.js':
        "import sha256 from 'crypto-js/sha256'\nexport const hashPassword = (password) => sha256(password).toString()",
    },
  ],
  [
    'fast-password-hash',
    {
      'lib/security.ts':
        "import crypto from 'node:crypto'\nexport const hash = (data: string) => crypto.createHash('md5').update(data).digest('hex')",
      'models/user.ts':
        "import * as security from '../lib/security'\nexport const set = (user: any, clearTextPassword: string) => user.setDataValue('password', security.hash(clearTextPassword))",
    },
  ],
  [
    'hard-coded-secret',
    {
      'a.ts':
        "import * as crypto from 'crypto'\nexport const code = (data: string) => crypto.createHmac('sha256', 'pa9qxcea4VK2t9nGv7yZtwRj').update(data).digest('hex')",
    },
  ],
  [
    'hard-coded-secret',
    {
      'a.js':
        "const crypto = require('crypto')\nconst ENCRYPTION_KEY = Buffer.from('0a1f3bd49c2277e65b8d90f1c4e3a6572d8b6f01e94c735ad2f8b106ce47395d', 'hex')\nexports.seal = (text, iv) => crypto.createCipheriv('aes-256-gcm', ENCRYPTION_KEY, iv).update(text)",
    },
  ],
  [
    'fast-password-hash',
    {
      'a.ts':
        "import * as crypto from 'crypto'\nexport class Auth { hash(password: string) { const h = crypto.createHash('sha256'); h.update(password); return h.digest('hex') } }",
    },
  ],
  [
    'cors-any-origin',
    {
      'a.ts':
        "export async function GET(request: Request) {\n return new Response('x', { headers: { 'Access-Control-Allow-Origin': request.headers.get('origin') ?? '', 'Access-Control-Allow-Credentials': 'true' } })\n}",
    },
  ],
  [
    'missing-authorisation',
    {
      'a.js':
        "const express = require('express')\nconst { authenticate } = require('./auth')\nconst app = express()\napp.post('/login', (q, s) => s.end())\napp.get('/reviews', (q, s) => s.end())\napp.post('/reviews', authenticate, (q, s) => s.end())\napp.put('/reviews/:id', authenticate, (q, s) => s.end())\napp.delete('/reviews/:id', (req, res) => res.end())",
      'auth.js': 'exports.authenticate = (req, res, next) => next()',
    },
  ],
  [
    'missing-authorisation',
    {
      'a.ts':
        "import { Hono } from 'hono'\nimport { requireUser } from './auth'\nconst app = new Hono()\napp.post('/items', requireUser, (c) => c.json({}))\napp.patch('/items/:id', requireUser, (c) => c.json({}))\napp.delete('/items/:id', (c) => c.json({}))\nexport default app",
      'auth.ts': 'export const requireUser = async (c, next) => { await next() }',
    },
  ],
  [
    'missing-owner-check',
    {
      'app/actions.ts':
        "'use server'\nimport { and, eq } from 'drizzle-orm'\nimport { db } from './db'\nimport { notes } from './schema'\nimport { getSession } from './auth'\nexport async function rename(id: string, title: string) {\n const session = await getSession()\n await db.update(notes).set({ title }).where(and(eq(notes.id, id), eq(notes.userId, session.user.id)))\n}\nexport async function list() {\n const session = await getSession()\n return db.select().from(notes).where(eq(notes.userId, session.user.id)).limit(20)\n}\nexport async function removeNote(id: string) {\n await db.delete(notes).where(eq(notes.id, id))\n}",
      'app/db.ts':
        "import { drizzle } from 'drizzle-orm/node-postgres'\nexport const db = drizzle(process.env.URL!)",
      'app/schema.ts':
        "import { pgTable, text } from 'drizzle-orm/pg-core'\nexport const notes = pgTable('notes', { id: text('id'), title: text('title'), userId: text('user_id') })",
      'app/auth.ts': 'export async function getSession() { return { user: { id: "1" } } }',
    },
  ],
  [
    'insecure-cookie',
    {
      'a.ts':
        "import { Hono } from 'hono'\nimport { setCookie } from 'hono/cookie'\nconst app = new Hono()\napp.post('/login', (c) => { setCookie(c, 'session', 'x' + c.req.query('a')); return c.text('ok') })",
    },
  ],
  [
    'token-not-verified',
    {
      'a.ts':
        "import { jwtDecode } from 'jwt-decode'\nexport function authMiddleware(req, res, next) { const token = req.headers.authorization.split(' ')[1]; const user = jwtDecode(token); req.user = user; next() }",
    },
  ],
  [
    'timing-unsafe-comparison',
    {
      'a.ts':
        "const API_KEY = process.env.API_KEY\nexport function check(req, res, next) { const given = req.headers['x-api-key']; if (given !== API_KEY) return res.status(401).end(); next() }",
    },
  ],
  [
    'weak-cipher',
    {
      'a.ts':
        "import * as crypto from 'node:crypto'\nexport const e = (t: string, k: Buffer) => { const c = crypto.createCipheriv('des-cbc', k, crypto.randomBytes(8)); return c.update(t, 'utf8', 'hex') + c.final('hex') }",
    },
  ],
  [
    'token-never-expires',
    {
      'a.js':
        "const jwt = require('jsonwebtoken')\nexports.generateToken = (user) => jwt.sign({ id: user._id, role: user.role }, process.env.JWT_SECRET)",
    },
  ],
]

it.each(VARIANTS)('finds %s in another shape', (rule, files) => {
  const program = programOf(Object.entries(files).map(([path, text]) => ({ path, text })))
  expect(MISUSE.run(program).map((each) => each.rule)).toContain(`misuse/${rule}`)
})
