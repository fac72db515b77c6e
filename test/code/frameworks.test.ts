import { describe, expect, test } from 'vitest'
import { VALUE_FLOW } from '../../src/code/packs/value-flow/value-flow.ts'
import { flowsIn } from '../../src/code/value-flow/analyse.ts'
import { programOf } from './program-of.ts'

const SQL = 'sql-injection'
const MODEL = 'model-output-executed'
const POOL = "import pg from 'pg'\nconst pool = new pg.Pool()\n"

/**
 * `[framework, file, code, rule]`: `Q{x}` becomes a statement that has `x` in it, and in the version that is to stay
 * silent one with a parameter.
 */
const SOURCES: readonly (readonly [string, string, string, string?])[] = [
  [
    'express',
    'app.ts',
    `import express from 'express'
const app = express()
app.get('/u', async (req, res) => { res.json(await Q{req.query.name}) })`,
  ],
  [
    'express router with a type',
    'app.ts',
    `import { Router, type Request, type Response } from 'express'
const list = async (input: Request, output: Response) => { output.json(await Q{input.params.name}) }
export const router = Router().get('/:name', list)`,
  ],
  [
    'fastify',
    'app.ts',
    `import Fastify from 'fastify'
const app = Fastify()
app.get('/u/:id', async (request) => Q{(request.params as any).id})`,
  ],
  [
    'fastify route options',
    'app.ts',
    `import fastify from 'fastify'
const app = fastify()
app.route({ method: 'POST', url: '/u', schema: {}, handler: async (r, w) => Q{r.body.id} })`,
  ],
  [
    'fastify with options',
    'app.ts',
    `import fastify from 'fastify'
const app = fastify()
app.post('/u', { bodyLimit: 100 }, async (r, w) => w.send(await Q{r.body.id}))`,
  ],
  [
    'fastify plugin',
    'app.ts',
    `import type { FastifyInstance } from 'fastify'
export default async function routes(app: FastifyInstance) {
  app.get<{ Querystring: { id: string } }>('/u', async ({ query }) => Q{query.id})
}`,
  ],
  [
    'hono query',
    'app.ts',
    `import { Hono } from 'hono'
const app = new Hono()
app.get('/u', async (c) => c.json(await Q{c.req.query('id')}))`,
  ],
  [
    'hono body',
    'app.ts',
    `import { Hono } from 'hono'
const app = new Hono().basePath('/v1')
app.post('/u', async (c) => { const { id } = await c.req.json(); return c.json(await Q{id}) })`,
  ],
  [
    'hono parameter',
    'app.ts',
    `import { Hono } from 'hono'
const app = new Hono()
app.get('/u/:id', async (ctx) => { const id = ctx.req.param('id'); return ctx.json(await Q{id}) })`,
  ],
  [
    'koa',
    'app.ts',
    `import Koa from 'koa'
const app = new Koa()
app.use(async (ctx, next) => { ctx.body = await Q{ctx.query.id} })`,
  ],
  [
    'koa router',
    'app.ts',
    `import Router from '@koa/router'
const router = new Router()
router.post('/u', async (ctx) => { ctx.body = await Q{ctx.request.body.id} })`,
  ],
  [
    'next route handler',
    'app/api/u/route.ts',
    `export async function GET(request: Request) {
  const { searchParams } = new URL(request.url)
  return Response.json(await Q{searchParams.get('id')})
}`,
  ],
  [
    'next route parameters',
    'app/api/u/[id]/route.ts',
    `export async function POST(_request: Request, { params }: { params: Promise<{ id: string }> }) {
  const { id } = await params
  return Response.json(await Q{id})
}`,
  ],
  [
    'next request',
    'app/api/u/route.ts',
    `import { type NextRequest, NextResponse } from 'next/server'
export const POST = async (req: NextRequest) => { const body = await req.json(); return NextResponse.json(await Q{body.id}) }`,
  ],
  [
    'next pages/api',
    'pages/api/u.ts',
    `import type { NextApiRequest, NextApiResponse } from 'next'
export default async function handler(req: NextApiRequest, res: NextApiResponse) { res.json(await Q{req.query.id}) }`,
  ],
  [
    'next server action',
    'app/actions.ts',
    `'use server'
export async function rename(form: FormData) { await Q{form.get('name')} }`,
  ],
  [
    'next server action in a component',
    'app/form.tsx',
    `export default function Form() {
  async function rename(form: FormData) { 'use server'; await Q{form.get('name')} }
  return <form action={rename} />
}`,
  ],
  [
    'next page searchParams',
    'app/u/page.tsx',
    `export default async function Page({ searchParams }: { searchParams: Promise<{ id?: string }> }) {
  const { id } = await searchParams
  const rows = await Q{id}
  return <p>{rows.length}</p>
}`,
  ],
  [
    'next page props',
    'app/u/[id]/page.tsx',
    `export default async function Page(props: { params: Promise<{ id: string }> }) {
  const rows = await Q{(await props.params).id}
  return <p>{rows.length}</p>
}`,
  ],
  [
    'next getServerSideProps',
    'pages/u.tsx',
    `export const getServerSideProps = async ({ query }) => ({ props: { rows: await Q{query.id} } })`,
  ],
  [
    'nest query',
    'users.controller.ts',
    `import { Controller, Get, Query } from '@nestjs/common'
@Controller('users')
export class Users { @Get() list(@Query('name') name: string) { return Q{name} } }`,
  ],
  [
    'nest body, through a service',
    'users.controller.ts',
    `import { Body, Controller, Injectable, Post } from '@nestjs/common'
class Find { name: string }
@Injectable()
export class Service { find(name: string) { return Q{name} } }
@Controller('users')
export class Users {
  constructor(private readonly service: Service) {}
  @Post() list(@Body() given: Find) { return this.service.find(given.name) }
}`,
  ],
  [
    'nest, a repository of typeorm that is injected',
    'users.service.ts',
    `import { Controller, Get, Query } from '@nestjs/common'
import type { DataSource } from 'typeorm'
@Controller('users')
export class Users {
  constructor(private readonly source: DataSource) {}
  @Get() list(@Query('name') name: string) { return this.source.query(S{name}) }
}`,
  ],
  [
    'h3',
    'routes.ts',
    `import { defineEventHandler, getQuery } from 'h3'
export default defineEventHandler(async (event) => { const { id } = getQuery(event); return Q{id} })`,
  ],
  [
    'nuxt body',
    'server/api/u.post.ts',
    `export default defineEventHandler(async (event) => { const body = await readBody(event); return Q{body.id} })`,
  ],
  [
    'nuxt parameter',
    'server/routes/u.ts',
    `export default defineEventHandler(async (event) => Q{event.context.params.id})`,
  ],
  [
    'trpc',
    'router.ts',
    `import { initTRPC } from '@trpc/server'
import { z } from 'zod'
const t = initTRPC.create()
export const router = t.router({ user: t.procedure.input(z.string()).query(async ({ input }) => Q{input}) })`,
  ],
  [
    'trpc mutation',
    'router.ts',
    `import { initTRPC } from '@trpc/server'
import { z } from 'zod'
const t = initTRPC.create()
export const save = t.procedure.input(z.object({ id: z.string() })).mutation((opts) => Q{opts.input.id})`,
  ],
  [
    'lambda',
    'index.ts',
    `export const handler = async (event) => ({ statusCode: 200, body: JSON.stringify(await Q{event.queryStringParameters.id}) })`,
  ],
  [
    'lambda with a type',
    'index.ts',
    `import type { APIGatewayProxyHandlerV2 } from 'aws-lambda'
export const run: APIGatewayProxyHandlerV2 = async (e) => { const { id } = JSON.parse(e.body ?? ''); return { statusCode: 200, body: String(await Q{id}) } }`,
  ],
  [
    'lambda of CommonJS',
    'index.js',
    `exports.handler = async (event, context) => { for (const record of event.Records) await Q{record.body} }`,
  ],
  [
    'socket.io',
    'io.ts',
    `import { Server } from 'socket.io'
const io = new Server(3000)
io.on('connection', (socket) => { socket.on('find', async (name, done) => { done(await Q{name}) }) })`,
  ],
  [
    'socket.io namespace',
    'io.ts',
    `import { Server } from 'socket.io'
const io = new Server(3000)
io.of('/chat').on('connection', (client) => { client.on('find', async ({ name }) => { await Q{name} }) })`,
  ],
  [
    'mcp registerTool',
    'mcp.ts',
    `import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'
const server = new McpServer({ name: 'a', version: '1' })
server.registerTool('find', { inputSchema: { name: z.string() } }, async ({ name }) => ({ content: [{ type: 'text', text: String(await Q{name}) }] }))`,
  ],
  [
    'mcp tool',
    'mcp.ts',
    `import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { z } from 'zod'
const server = new McpServer({ name: 'a', version: '1' })
server.tool('find', 'finds', { name: z.string() }, async (args) => ({ content: [{ type: 'text', text: String(await Q{args.name}) }] }))`,
  ],
  [
    'mcp setRequestHandler',
    'mcp.ts',
    `import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js'
const server = new Server({ name: 'a', version: '1' }, {})
server.setRequestHandler(CallToolRequestSchema, async (request) => { const { name } = request.params.arguments; await Q{name} })`,
  ],
  [
    'ai sdk tool',
    'tools.ts',
    `import { tool } from 'ai'
import { z } from 'zod'
export const find = tool({ description: 'finds', inputSchema: z.object({ name: z.string() }), execute: async ({ name }) => Q{name} })`,
  ],
  [
    'answer of ai',
    'ask.ts',
    `import { generateText } from 'ai'
export async function ask(model) { const { text } = await generateText({ model, prompt: 'which?' }); return Q{text} }`,
    MODEL,
  ],
  [
    'object of ai',
    'ask.ts',
    `import { generateObject } from 'ai'
import { z } from 'zod'
export async function ask(model) { const { object } = await generateObject({ model, schema: z.object({ name: z.string() }), prompt: 'which?' }); return Q{object.name} }`,
    MODEL,
  ],
  [
    'answer of openai',
    'ask.ts',
    `import OpenAI from 'openai'
const client = new OpenAI()
export async function ask() { const r = await client.chat.completions.create({ model: 'm', messages: [] }); return Q{r.choices[0].message.content} }`,
    MODEL,
  ],
  [
    'response of openai',
    'ask.ts',
    `import OpenAI from 'openai'
const client = new OpenAI()
export async function ask() { const r = await client.responses.create({ model: 'm', input: 'which?' }); return Q{r.output_text} }`,
    MODEL,
  ],
  [
    'answer of anthropic',
    'ask.ts',
    `import Anthropic from '@anthropic-ai/sdk'
const client = new Anthropic()
export async function ask() {
  const message = await client.messages.create({ model: 'm', max_tokens: 9, messages: [] })
  for (const block of message.content) if (block.type === 'text') await Q{block.text}
}`,
    MODEL,
  ],
]

const NOSQL = 'nosql-injection'
const CODE = 'code-injection'

/** `[driver, head, bad, fixed, rule]`: what an Express handler does with `id`, a part of the request's body. */
const DRIVERS: readonly (readonly [string, string, string, string, string?])[] = [
  [
    'pg client',
    "import { Client } from 'pg'\nconst db = new Client()",
    'db.query(`select ${id}`)',
    "db.query('select $1', [id])",
  ],
  [
    'Snowflake',
    "import snowflake from 'snowflake-sdk'\nconst db = snowflake.createConnection({})",
    'db.execute({ sqlText: `select ${id}` })',
    "db.execute({ sqlText: 'select ?', binds: [id] })",
  ],
  [
    'ClickHouse',
    "import { createClient } from '@clickhouse/client'\nconst db = createClient()",
    'db.query({ query: `select ${id}` })',
    "db.query({ query: 'select {id: String}', query_params: { id } })",
  ],
  [
    'Neo4j',
    "import neo4j from 'neo4j-driver'\nconst s = neo4j.driver('bolt://x').session()",
    's.run(`MATCH (n {id: "${id}"}) RETURN n`)',
    "s.run('MATCH (n {id: $id}) RETURN n', { id })",
  ],
  [
    'Cassandra',
    "import { Client } from 'cassandra-driver'\nconst db = new Client({})",
    'db.execute(`select ${id}`)',
    "db.execute('select ?', [id])",
  ],
  ['a program of Bun', '', "Bun.spawn(['sh', '-c', id])", "Bun.spawn(['ls', id])", 'command-injection'],
  [
    'a program of Deno',
    '',
    'new Deno.Command(id)',
    "new Deno.Command('ls', { args: [id] })",
    'command-injection',
  ],
  [
    'a record of Prisma',
    "import { PrismaClient } from '@prisma/client'\nconst p = new PrismaClient()",
    'p.user.update({ where: { id: 1 }, data: req.body })',
    'p.user.update({ where: { id: 1 }, data: { name: id } })',
    'mass-assignment',
  ],
  [
    'pg statement as an object',
    "import { Pool } from 'pg'\nconst p = new Pool()",
    'p.query({ text: `select ${id}` })',
    "p.query({ text: 'select $1', values: [id] })",
  ],
  [
    'pg connected client',
    "import { Pool } from 'pg'\nconst p = new Pool()",
    'const c = await p.connect(); await c.query(`select ${id}`)',
    "const c = await p.connect(); await c.query('select $1', [id])",
  ],
  [
    'mysql2',
    "import mysql from 'mysql2/promise'\nconst p = mysql.createPool({})",
    'p.execute(`select ${id}`)',
    "p.execute('select ?', [id])",
  ],
  [
    'mysql2 connection',
    "import mysql from 'mysql2/promise'",
    'const c = await mysql.createConnection({}); await c.query({ sql: `select ${id}` })',
    "const c = await mysql.createConnection({}); await c.query({ sql: 'select ?', values: [id] })",
  ],
  [
    'better-sqlite3',
    "import Database from 'better-sqlite3'\nconst s = new Database('a')",
    's.prepare(`select ${id}`).all()',
    "s.prepare('select ?').all(id)",
  ],
  [
    'node:sqlite',
    "import { DatabaseSync } from 'node:sqlite'\nconst s = new DatabaseSync('a')",
    's.exec(`delete from t where a = ${id}`)',
    "s.prepare('delete from t where a = ?').run(id)",
  ],
  [
    'knex raw',
    "import knex from 'knex'\nconst k = knex({})",
    'k.raw(`select ${id}`)',
    "k.raw('select ?', [id])",
  ],
  [
    'knex whereRaw',
    "import knex from 'knex'\nconst k = knex({})",
    "k('t').whereRaw(`a = ${id}`)",
    "k('t').whereRaw('a = ?', [id]).where({ id }).where('a', id)",
  ],
  [
    'kysely',
    "import { sql } from 'kysely'",
    'sql.raw(`select ${id}`).execute(d)',
    'sql`select ${id}`.execute(d)',
  ],
  [
    'drizzle',
    "import { sql } from 'drizzle-orm'\nimport { drizzle } from 'drizzle-orm/node-postgres'\nconst d = drizzle('a')",
    'd.execute(sql.raw(`select ${id}`))',
    'd.execute(sql`select ${id}`)',
  ],
  [
    'prisma',
    "import { PrismaClient } from '@prisma/client'\nconst p = new PrismaClient()",
    'p.$queryRawUnsafe(`select ${id}`)',
    "p.$queryRaw`select ${id}`; await p.$queryRawUnsafe('select $1', id)",
  ],
  [
    'prisma generated elsewhere',
    "import { PrismaClient } from './generated/prisma/client'\nconst p = new PrismaClient()",
    'p.$executeRawUnsafe(`delete from t where a = ${id}`)',
    'p.$executeRaw`delete from t where a = ${id}`',
  ],
  [
    'prisma raw',
    "import { Prisma, PrismaClient } from '@prisma/client'\nconst p = new PrismaClient()",
    'p.$queryRaw(Prisma.raw(`select ${id}`))',
    'p.$queryRaw(Prisma.sql`select ${id}`)',
  ],
  [
    'sequelize',
    "import { Sequelize } from 'sequelize'\nconst s = new Sequelize('a')",
    's.query(`select ${id}`)',
    "s.query('select ?', { replacements: [id] })",
  ],
  [
    'sequelize literal',
    "import { literal } from 'sequelize'\nimport { T } from './t.ts'",
    'T.findAll({ order: literal(`a ${id}`) })',
    "T.findAll({ order: literal('a desc'), where: { id: String(id) } })",
  ],
  [
    'typeorm query',
    "import { DataSource } from 'typeorm'\nconst s = new DataSource({})",
    's.query(`select ${id}`)',
    "s.query('select $1', [id])",
  ],
  [
    'typeorm builder',
    "import { DataSource } from 'typeorm'\nimport { T } from './t.ts'\nconst s = new DataSource({})",
    "s.getRepository(T).createQueryBuilder('t').where(`t.id = '${id}'`).getMany()",
    "s.getRepository(T).createQueryBuilder('t').where('t.id = :id', { id }).getMany()",
  ],
  [
    'mongodb operators',
    "import { MongoClient } from 'mongodb'\nconst m = new MongoClient('a')",
    "m.db('a').collection('t').findOne({ id })",
    "m.db('a').collection('t').findOne({ id: String(id) })",
    NOSQL,
  ],
  [
    'mongodb text',
    "import { MongoClient } from 'mongodb'\nconst m = new MongoClient('a')",
    "m.db('a').collection('t').updateOne({ id }, { $set: { a: 1 } })",
    "m.db('a').collection('t').updateOne({ id: `t:${id}` }, { $set: { a: 1 } })",
    NOSQL,
  ],
  [
    'mongodb $where',
    "import { MongoClient } from 'mongodb'\nconst m = new MongoClient('a')",
    "m.db('a').collection('t').find({ $where: `this.a == '${id}'` })",
    "m.db('a').collection('t').find({ a: String(id) })",
    NOSQL,
  ],
  [
    'mongoose operators',
    "import mongoose from 'mongoose'\nconst T = mongoose.model('T', new mongoose.Schema({}))",
    'T.findOne({ id })',
    'T.findOne({ id: String(id) })',
    NOSQL,
  ],
  [
    'mongoose $where',
    "import { Schema, model } from 'mongoose'\nconst T = model('T', new Schema({}))",
    "T.find().$where(`this.a == '${id}'`)",
    "T.find().where('a').equals(String(id))",
    NOSQL,
  ],
  [
    'redis eval',
    "import { createClient } from 'redis'\nconst r = createClient()",
    "r.eval(`return redis.call('get', '${id}')`)",
    'r.eval("return redis.call(\'get\', KEYS[1])", { keys: [String(id)] })',
    CODE,
  ],
  [
    'redis sendCommand',
    "import { createClient } from 'redis'\nconst r = createClient()",
    'r.sendCommand(String(id).split(" "))',
    "r.sendCommand(['GET', String(id)])",
    'command-injection',
  ],
  [
    'ioredis eval',
    "import Redis from 'ioredis'\nconst r = new Redis()",
    'r.eval(`return ${id}`, 0)',
    "r.eval('return ARGV[1]', 0, id)",
    CODE,
  ],
]

const Z = "import { z } from 'zod'\n"

/** `[what, head, statements, silent]`: what makes `x` of the request's `id`, before it becomes a part of a statement. */
const GUARDS: readonly (readonly [string, string, string, boolean])[] = [
  ['Number', '', 'const x = Number(id)', true],
  ['parseInt', '', 'const x = parseInt(id, 10)', true],
  ['BigInt', '', 'const x = BigInt(id)', true],
  ['unary plus', '', 'const x = +id', true],
  ['String', '', 'const x = String(id)', false],
  ['z.string', Z, 'const x = z.string().parse(id)', false],
  ['z.string with a length', Z, 'const x = z.string().min(1).max(200).parse(id)', false],
  ['z.enum', Z, "const x = z.enum(['a', 'b']).parse(id)", true],
  ['z.literal', Z, "const x = z.literal('a').parse(id)", true],
  ['z.number', Z, 'const x = z.number().int().parse(id)', true],
  ['z.coerce.number', Z, 'const x = z.coerce.number().parse(id)', true],
  ['z.uuid', Z, 'const x = z.uuid().parse(id)', true],
  ['z.string().uuid', Z, 'const x = z.string().uuid().parse(id)', true],
  ['z.string with an anchored expression', Z, 'const x = z.string().regex(/^[a-z]+$/).parse(id)', true],
  ['z.string with an expression that lets all by', Z, 'const x = z.string().regex(/[a-z]/).parse(id)', false],
  [
    'a field of z.object',
    Z + 'const S = z.object({ id: z.uuid(), name: z.string() })',
    'const x = S.parse(req.body).id',
    true,
  ],
  [
    'another field of z.object',
    Z + 'const S = z.object({ id: z.uuid(), name: z.string() })',
    'const x = S.parse(req.body).name',
    false,
  ],
  [
    'z.object taken apart',
    Z + 'const S = z.object({ sort: z.enum(["a", "b"]).default("a"), name: z.string() })',
    'const { sort: x } = S.parse(req.query)',
    true,
  ],
  [
    'safeParse',
    Z + 'const S = z.object({ id: z.coerce.number() })',
    'const r = S.safeParse(req.body); if (!r.success) return; const x = r.data.id',
    true,
  ],
  [
    'safeParse of a text',
    Z + 'const S = z.object({ id: z.string() })',
    'const r = S.safeParse(req.body); if (!r.success) return; const x = r.data.id',
    false,
  ],
  ['z.array of numbers', Z, "const x = z.array(z.number()).parse(id).join(',')", true],
  ['z.array of texts', Z, "const x = z.array(z.string()).parse(id).join(',')", false],
  ['z.optional', Z, 'const x = z.optional(z.number()).parse(id)', true],
  ['z.union', Z, "const x = z.union([z.number(), z.literal('a')]).parse(id)", true],
  ['z.union with a text', Z, 'const x = z.union([z.number(), z.string()]).parse(id)', false],
  ['joi number', "import Joi from 'joi'\n", 'const { value: x } = Joi.number().validate(id)', true],
  ['joi valid', "import Joi from 'joi'\n", "const x = Joi.attempt(id, Joi.string().valid('a', 'b'))", true],
  ['joi string', "import Joi from 'joi'\n", 'const { value: x } = Joi.string().validate(id)', false],
  [
    'joi object',
    "import Joi from 'joi'\nconst S = Joi.object({ id: Joi.string().guid(), name: Joi.string() })",
    'const { value, error } = S.validate(req.body); if (error) throw error; const x = value.id',
    true,
  ],
  [
    'joi object with a text',
    "import Joi from 'joi'\nconst S = Joi.object({ id: Joi.string().guid(), name: Joi.string() })",
    'const { value, error } = S.validate(req.body); if (error) throw error; const x = value.name',
    false,
  ],
  [
    'valibot picklist',
    "import * as v from 'valibot'\n",
    "const x = v.parse(v.picklist(['a', 'b']), id)",
    true,
  ],
  [
    'valibot object',
    "import * as v from 'valibot'\nconst S = v.object({ id: v.pipe(v.string(), v.uuid()), name: v.string() })",
    'const x = v.parse(S, req.body).id',
    true,
  ],
  [
    'valibot object with a text',
    "import * as v from 'valibot'\nconst S = v.object({ id: v.pipe(v.string(), v.uuid()), name: v.string() })",
    'const x = v.parse(S, req.body).name',
    false,
  ],
  [
    'ajv',
    "import Ajv from 'ajv'\nconst ok = new Ajv().compile({ type: 'object', properties: { id: { type: 'integer' }, name: { type: 'string' } } })",
    'if (!ok(req.body)) return; const x = req.body.id',
    true,
  ],
  [
    'ajv text',
    "import Ajv from 'ajv'\nconst ok = new Ajv().compile({ type: 'object', properties: { id: { type: 'integer' }, name: { type: 'string' } } })",
    'if (!ok(req.body)) return; const x = req.body.name',
    false,
  ],
]

/** Controllers of NestJS: parameters with types and pipes. */
const NEST: readonly (readonly [string, string, boolean])[] = [
  [
    '@IsUUID',
    "class D { @IsUUID() id: string }\n@Controller('u') export class U { @Post() go(@Body() d: D) { return Q{d.id} } }",
    true,
  ],
  [
    '@IsIn',
    "class D { @IsOptional() @IsIn(['a', 'b']) id?: string }\n@Controller('u') export class U { @Get() go(@Query() d: D) { return Q{d.id} } }",
    true,
  ],
  [
    '@IsInt',
    "class D { @IsInt() @Type(() => Number) id: number }\n@Controller('u') export class U { @Get() go(@Query() d: D) { return Q{d.id} } }",
    true,
  ],
  [
    '@IsString',
    "class D { @IsString() @MaxLength(20) id: string }\n@Controller('u') export class U { @Post() go(@Body() d: D) { return Q{d.id} } }",
    false,
  ],
  [
    'ParseIntPipe',
    "@Controller('u') export class U { @Get(':id') go(@Param('id', ParseIntPipe) id: any) { return Q{id} } }",
    true,
  ],
  [
    'new ParseUUIDPipe',
    "@Controller('u') export class U { @Get(':id') go(@Param('id', new ParseUUIDPipe()) id: string) { return Q{id} } }",
    true,
  ],
  [
    'TrimPipe',
    "@Controller('u') export class U { @Get(':id') go(@Param('id', TrimPipe) id: string) { return Q{id} } }",
    false,
  ],
]
const NEST_HEAD =
  "import { Body, Controller, Get, Param, ParseIntPipe, ParseUUIDPipe, Post, Query } from '@nestjs/common'\nimport { IsIn, IsInt, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator'\nimport { Type } from 'class-transformer'\nimport { TrimPipe } from './pipes.ts'\n"

const bad = (code: string): string =>
  code
    .replaceAll(/S\{(\w+)\}/g, "'select * from t where a = ' + $1")
    .replaceAll(/Q\{((?:[^{}]|\{[^{}]*\})*)\}/g, "pool.query(`select * from t where a = '${$1}'`)")
const fixed = (code: string): string =>
  code
    .replaceAll(/S\{(\w+)\}/g, "'select * from t where a = $$1', [$1]")
    .replaceAll(/Q\{((?:[^{}]|\{[^{}]*\})*)\}/g, "pool.query('select * from t where a = $$1', [$1])")

function withPool(code: string): string {
  const directive = /^'use \w+'\n/.exec(code)?.[0] ?? ''
  return directive + POOL + code.slice(directive.length)
}

function handler(head: string, body: string): string {
  return `import express from 'express'\n${head}\nconst app = express()\napp.post('/t', async (req, res) => {\n  const { id } = req.body\n  ${body}\n  res.json({})\n})\n`
}

/** One program for all: the rules that are found in each case's folder. */
function rulesOf(files: readonly { path: string; text: string }[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { rule, location } of VALUE_FLOW.run(programOf(files))) {
    const folder = location.path.split('/')[0] as string
    found.set(folder, [...(found.get(folder) ?? []), rule.slice('value-flow/'.length)])
  }
  return found
}

const RUN = 'await pool.query(`select * from t where a = ${x}`)'
const files = [
  ...SOURCES.flatMap(([, path, code], index) => [
    { path: `sb${index}/${path}`, text: withPool(bad(code)) },
    { path: `sf${index}/${path}`, text: withPool(fixed(code)) },
  ]),
  ...DRIVERS.flatMap(([, head, wrong, right], index) => [
    { path: `db${index}/app.ts`, text: handler(head, `await ${wrong}`.replace(/^await const/, 'const')) },
    { path: `df${index}/app.ts`, text: handler(head, `await ${right}`.replace(/^await const/, 'const')) },
  ]),
  ...GUARDS.map(([, head, body], index) => ({
    path: `g${index}/app.ts`,
    text: handler(POOL + head, `${body}\n  ${RUN}`),
  })),
  ...NEST.map(([, code], index) => ({ path: `n${index}/app.ts`, text: NEST_HEAD + POOL + bad(code) })),
]
const found = rulesOf(files)

describe('what a request brings is followed from', () => {
  test.each(SOURCES.map((each, index) => [each[0], index] as const))('%s', (_, index) => {
    expect(found.get(`sb${index}`)).toEqual([SOURCES[index]?.[3] ?? SQL])
    expect(found.get(`sf${index}`)).toBeUndefined()
  })
})

describe('statements are known of', () => {
  test.each(DRIVERS.map((each, index) => [each[0], index] as const))('%s', (_, index) => {
    expect(found.get(`db${index}`)).toEqual([DRIVERS[index]?.[4] ?? SQL])
    expect(found.get(`df${index}`)).toBeUndefined()
  })
})

describe('checks by schemas and conversions', () => {
  test.each(GUARDS.map((each, index) => [each[0], index, each[3]] as const))('%s', (_, index, silent) => {
    expect(found.get(`g${index}`)).toEqual(silent ? undefined : [SQL])
  })

  test.each(NEST.map((each, index) => [each[0], index, each[2]] as const))('nest %s', (_, index, silent) => {
    expect(found.get(`n${index}`)).toEqual(silent ? undefined : [SQL])
  })
})

describe('texts that a regular expression is asked about', () => {
  const asked = (check: string): boolean =>
    flowsIn(
      programOf([{ path: 'app.ts', text: handler('', `${check}\n  if (/\\s+$/.test(id)) res.end()`) }]),
    ).some(({ hit }) => hit.class === 'redos')

  test.each([
    ['', true],
    ['if (id.length > 100) return', false],
    ['if (typeof id !== "string" || id.length >= 256) throw new Error("too long")', false],
    ['if (id.length < 100) return', true],
    ['if (id.length > 100_000) return', true],
    ['if (64 < id.length) return', false],
  ])('after %s', (check, expected) => {
    expect(asked(check)).toBe(expected)
  })
})
