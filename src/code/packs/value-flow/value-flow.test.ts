import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { checkTree } from '../../check-tree.ts'
import { VALUE_FLOW } from './value-flow.ts'

const made: string[] = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

async function check(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'belay-check-'))
  made.push(folder)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return checkTree(folder, { packs: [VALUE_FLOW] })
}

async function rules(files: Readonly<Record<string, string>>): Promise<string[]> {
  const { findings } = await check(files)
  return findings.map((each) => each.rule.replace('value-flow/', ''))
}

const EXPRESS = "const express = require('express')\nconst app = express()\n"
const LIBRARY = { 'package.json': '{"name": "thing", "version": "1.0.0", "main": "index.js"}' }

/** `[what, rule, bad, fixed]`; each a program of several files, or one that is `app.js`. */
const CASES: readonly (readonly [
  string,
  string,
  string | Record<string, string>,
  string | Record<string, string>,
])[] = [
  [
    'a statement built in another file',
    'sql-injection',
    {
      'app.js': `${EXPRESS}const users = require('./users')\napp.get('/u', (req, res) => users.byName(req.query.name).then((u) => res.json(u)))`,
      'users.js': `const { Pool } = require('pg')\nconst pool = new Pool()\nexports.byName = (name) => pool.query("select * from users where name = '" + name + "'")`,
    },
    {
      'app.js': `${EXPRESS}const users = require('./users')\napp.get('/u', (req, res) => users.byName(req.query.name).then((u) => res.json(u)))`,
      'users.js': `const { Pool } = require('pg')\nconst pool = new Pool()\nexports.byName = (name) => pool.query('select * from users where name = $1', [name])`,
    },
  ],
  [
    'a class that keeps its parameter in a field',
    'sql-injection',
    {
      'app.ts': `import express from 'express'\nimport { Search } from './search.js'\nconst app = express()\napp.post('/s', async (req, res) => { res.json(await new Search(req.body.order).run()) })`,
      'search.ts': `import mysql from 'mysql2'\nconst db = mysql.createPool({})\nexport class Search {\n  constructor(private readonly order: string) {}\n  run() { return db.query(\`select * from a order by \${this.order}\`) }\n}`,
    },
    {
      'app.ts': `import express from 'express'\nimport { Search } from './search.js'\nconst app = express()\napp.post('/s', async (req, res) => { res.json(await new Search(req.body.order).run()) })`,
      'search.ts': `import mysql from 'mysql2'\nconst db = mysql.createPool({})\nconst COLUMNS = ['name', 'age']\nexport class Search {\n  constructor(private readonly order: string) {}\n  run() {\n    if (!COLUMNS.includes(this.order)) throw new Error('no such column')\n    return db.query(\`select * from a order by \${this.order}\`)\n  }\n}`,
    },
  ],
  [
    'a command put together by a library',
    'command-injection',
    {
      ...LIBRARY,
      'index.js': `const { exec } = require('child_process')\nmodules = {}\nmodule.exports = function (branch, done) { exec('git checkout ' + branch, done) }`,
    },
    {
      ...LIBRARY,
      'index.js': `const { execFile } = require('child_process')\nmodule.exports = function (branch, done) { execFile('git', ['checkout', branch], done) }`,
    },
  ],
  [
    'a path of a file server',
    'path-traversal',
    `const http = require('http'), fs = require('fs'), path = require('path'), url = require('url')\nhttp.createServer((req, res) => { fs.createReadStream(path.join(__dirname, url.parse(req.url).pathname)).pipe(res) })`,
    `const http = require('http'), fs = require('fs'), path = require('path'), url = require('url')\nconst root = path.resolve(__dirname, 'public')\nhttp.createServer((req, res) => {\n  const file = path.join(root, url.parse(req.url).pathname)\n  if (file.indexOf(root) !== 0) { res.end(); return }\n  fs.createReadStream(file).pipe(res)\n})`,
  ],
  [
    'markup with a query in it',
    'cross-site-scripting',
    `${EXPRESS}app.get('/', (req, res) => res.status(404).send(\`<p>\${req.query.q}</p>\`))`,
    `${EXPRESS}const escapeHtml = require('escape-html')\napp.get('/', (req, res) => res.status(404).send(\`<p>\${escapeHtml(req.query.q)}</p>\`))`,
  ],
  [
    'an address of the page in its markup',
    'cross-site-scripting',
    `const text = decodeURIComponent(location.hash.slice(1))\ndocument.getElementById('x').innerHTML = text`,
    `const text = decodeURIComponent(location.hash.slice(1))\ndocument.getElementById('x').textContent = text`,
  ],
  [
    'evaluated input',
    'code-injection',
    `${EXPRESS}app.post('/c', (req, res) => { const { formula } = req.body; res.json(eval(formula)) })`,
    `${EXPRESS}app.post('/c', (req, res) => { const { formula } = req.body; res.json(JSON.parse(formula)) })`,
  ],
  [
    'a host of the attacker',
    'request-forgery',
    `${EXPRESS}const axios = require('axios')\napp.get('/p', async (req, res) => res.json((await axios.get(req.query.url)).data))`,
    `${EXPRESS}const axios = require('axios')\napp.get('/p', async (req, res) => res.json((await axios.get('https://api.example.com/items/' + encodeURIComponent(req.query.id))).data))`,
  ],
  [
    'a redirect anywhere',
    'open-redirect',
    `${EXPRESS}app.get('/l', (req, res) => res.redirect(req.query.next))`,
    `${EXPRESS}const ALLOWED = new Set(['/home', '/settings'])\napp.get('/l', (req, res) => { const next = req.query.next; res.redirect(ALLOWED.has(next) ? next : '/home') })`,
  ],
  [
    'operators in a query',
    'nosql-injection',
    `${EXPRESS}const { User } = require('./models')\napp.post('/l', async (req, res) => res.json(await User.findOne({ name: req.body.name, password: req.body.password })))`,
    `${EXPRESS}const { User } = require('./models')\napp.post('/l', async (req, res) => res.json(await User.findOne({ name: String(req.body.name), password: String(req.body.password) })))`,
  ],
  [
    'a merge that descends into prototypes',
    'prototype-pollution',
    {
      ...LIBRARY,
      'index.js': `module.exports = function merge(to, from) {\n  for (const key in from) {\n    if (typeof from[key] === 'object') merge(to[key], from[key])\n    else to[key] = from[key]\n  }\n  return to\n}`,
    },
    {
      ...LIBRARY,
      'index.js': `function unsafe(key) { return key === '__proto__' || key === 'constructor' || key === 'prototype' }\nmodule.exports = function merge(to, from) {\n  for (const key in from) {\n    if (unsafe(key)) continue\n    if (typeof from[key] === 'object') merge(to[key], from[key])\n    else to[key] = from[key]\n  }\n  return to\n}`,
    },
  ],
  [
    'a setter by path',
    'prototype-pollution',
    {
      ...LIBRARY,
      'index.js': `exports.set = function (object, path, value) {\n  const keys = path.split('.')\n  let at = object\n  for (let i = 0; i < keys.length - 1; i++) at = at[keys[i]]\n  at[keys[keys.length - 1]] = value\n}`,
    },
    {
      ...LIBRARY,
      'index.js': `exports.set = function (object, path, value) {\n  const keys = path.split('.')\n  if (keys.some((key) => key === '__proto__' || key === 'constructor' || key === 'prototype')) return\n  let at = object\n  for (let i = 0; i < keys.length - 1; i++) at = at[keys[i]]\n  at[keys[keys.length - 1]] = value\n}`,
    },
  ],
  [
    'objects with behaviour from a cookie',
    'unsafe-deserialisation',
    `${EXPRESS}const serialize = require('node-serialize')\napp.get('/', (req, res) => res.json(serialize.unserialize(req.cookies.profile)))`,
    `${EXPRESS}app.get('/', (req, res) => res.json(JSON.parse(req.cookies.profile)))`,
  ],
  [
    'an expression that backtracks',
    'slow-regular-expression',
    `${EXPRESS}const NAME = /^([a-z]+)+$/\napp.get('/', (req, res) => res.json(NAME.test(req.query.name)))`,
    `${EXPRESS}const NAME = /^[a-z]+$/\napp.get('/', (req, res) => res.json(NAME.test(req.query.name)))`,
  ],
  [
    "a model's answer in a shell",
    'model-output-executed',
    `import OpenAI from 'openai'\nimport { execSync } from 'node:child_process'\nconst client = new OpenAI()\nconst answer = await client.chat.completions.create({ model: 'm', messages: [] })\nexecSync(answer.choices[0].message.content)`,
    `import OpenAI from 'openai'\nconst client = new OpenAI()\nconst answer = await client.chat.completions.create({ model: 'm', messages: [] })\nconsole.log(answer.choices[0].message.content)`,
  ],
  [
    'the input of a tool',
    'command-injection',
    `import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'\nimport { execSync } from 'node:child_process'\nconst server = new McpServer({ name: 'x', version: '1' })\nserver.tool('ping', {}, async ({ host }) => ({ content: [{ type: 'text', text: String(execSync('ping ' + host)) }] }))`,
    `import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'\nimport { execFileSync } from 'node:child_process'\nconst server = new McpServer({ name: 'x', version: '1' })\nserver.tool('ping', {}, async ({ host }) => ({ content: [{ type: 'text', text: String(execFileSync('ping', [host])) }] }))`,
  ],
]

const asFiles = (program: string | Record<string, string>): Record<string, string> =>
  typeof program === 'string' ? { 'app.js': program } : program

describe('untrusted values', () => {
  it.each(CASES)('%s: %s', async (_what, rule, bad) => {
    expect(await rules(asFiles(bad))).toContain(rule)
  })

  it.each(CASES)('%s falls silent when fixed', async (_what, _rule, _bad, fixed) => {
    expect(await rules(asFiles(fixed))).toEqual([])
  })

  it.each([
    [
      'Koa',
      `const Koa = require('koa')\nconst app = new Koa()\nconst fs = require('fs')\napp.use(async (ctx) => { ctx.body = fs.readFileSync(ctx.query.file) })`,
    ],
    [
      'Hono',
      `import { Hono } from 'hono'\nimport fs from 'node:fs'\nconst app = new Hono()\napp.get('/', (c) => c.text(fs.readFileSync(c.req.query('file'), 'utf8')))`,
    ],
    [
      'Fastify',
      `import Fastify from 'fastify'\nimport fs from 'node:fs'\nconst app = Fastify()\napp.get('/', async (request, reply) => reply.send(fs.readFileSync(request.query.file)))`,
    ],
    [
      'socket.io',
      `const io = require('socket.io')(3000)\nconst fs = require('fs')\nio.on('connection', (socket) => { socket.on('open', (file) => socket.emit('data', fs.readFileSync(file))) })`,
    ],
    [
      'Lambda',
      `const fs = require('fs')\nexports.handler = async (event) => fs.readFileSync(event.queryStringParameters.file)`,
    ],
  ])('come in by %s', async (_name, text) => {
    expect(await rules({ 'app.js': text })).toEqual(['path-traversal'])
  })

  it('come in by decorators, server actions and route files', async () => {
    const { findings } = await check({
      'cats.controller.ts': `import { Controller, Get, Query } from '@nestjs/common'\nimport fs from 'node:fs'\n@Controller('cats')\nexport class CatsController {\n  @Get()\n  find(@Query('file') file: string) { return fs.readFileSync(file) }\n}`,
      'app/actions.ts': `'use server'\nimport fs from 'node:fs'\nexport async function save(file: string) { return fs.readFileSync(file) }`,
      'app/api/file/route.ts': `import fs from 'node:fs'\nexport async function GET(request: Request) { return new Response(fs.readFileSync(new URL(request.url).searchParams.get('file'))) }`,
    })
    expect(findings.map((each) => [each.rule, each.location.path])).toEqual([
      ['value-flow/path-traversal', 'app/actions.ts'],
      ['value-flow/path-traversal', 'app/api/file/route.ts'],
      ['value-flow/path-traversal', 'cats.controller.ts'],
    ])
  })

  it('have a path from where they come in to where they do harm', async () => {
    const { findings } = await check(asFiles((CASES[0] as (typeof CASES)[number])[2]))
    expect(findings[0]?.path.map((each) => each.location.path)).toEqual(
      expect.arrayContaining(['app.js', 'users.js']),
    )
    expect(findings[0]).toMatchObject({ cwe: 'CWE-89', location: { path: 'users.js', line: 3 } })
  })
})

describe('any input', () => {
  const program = Object.values(asFiles((CASES[1] as (typeof CASES)[number])[2])).join('\n')

  it('is survived when it is cut off anywhere', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [
        `cut${index}.ts`,
        program.slice(0, Math.floor((program.length * index) / 40)),
      ]),
    )
    const { skipped, files: read } = await check(files)
    expect(read + skipped.length).toBe(40)
    expect(skipped.every((each) => each.reason.startsWith('syntax error'))).toBe(true)
  })

  it.each([
    ['brackets', '(\n'.repeat(20_000)],
    ['arrows', `${'a=>\n'.repeat(20_000)}1`],
    ['conditions', `${'a?b:\n'.repeat(20_000)}c`],
    ['negations', `${'!\n'.repeat(50_000)}a`],
    ['elements', '<a>\n'.repeat(100_000)],
    ['else if', `if(a){}${'else if(a){}\n'.repeat(20_000)}`],
    ['templates', `${'`${\n'.repeat(20_000)}1${'}`\n'.repeat(20_000)}`],
    ['members', `f${'\n.a'.repeat(50_000)}`],
  ])('is skipped when it nests too deeply: %s', async (_what, text) => {
    const { skipped } = await check({ 'deep.tsx': text, 'fine.js': 'module.exports = 1' })
    expect(skipped).toEqual([{ path: 'deep.tsx', reason: 'it nests too deeply' }])
  })

  it('may be a long chain, import itself in circles, or be no text', async () => {
    const { files, skipped } = await check({
      'chain.js': `module.exports = ${"'a' +\n".repeat(800)}'b'`,
      'a.js': "const b = require('./b')\nexports.a = (x) => b.b(x)",
      'b.js': "const a = require('./a')\nexports.b = (x) => a.a(x)",
      'c.mjs': "export * from './c.mjs'\nimport { d } from './c.mjs'\nd()",
      'binary.js': 'a\u0000b',
      'bundle.min.js': 'a',
      'flat.js': `var a=1;${'a=a+1;'.repeat(20_000)}`,
    })
    expect(skipped).toEqual([
      { path: 'binary.js', reason: 'it is not text' },
      { path: 'bundle.min.js', reason: 'it is minified' },
      { path: 'flat.js', reason: 'it is minified' },
    ])
    expect(files).toBe(4)
  })
})
