import { expect, test } from 'vitest'
import { VALUE_FLOW } from '../../src/code/packs/value-flow/value-flow.ts'
import { programOf } from './program-of.ts'

const EXEC = "import { exec } from 'child_process'\n"

/** `[what calls the function, file, code]`: each line with `// !` runs a command that came from outside, no other does. */
const CASES: readonly (readonly [string, string, string])[] = [
  [
    'Slack',
    'a.ts',
    `import { App } from '@slack/bolt'
const app = new App({})
app.command('/ls', async ({ command, logger }) => {
  exec('ls ' + logger.name)
  exec('ls ' + command.text) // !
})`,
  ],
  [
    'Telegraf',
    'a.ts',
    `import { Telegraf } from 'telegraf'
const bot = new Telegraf(process.env.T!)
bot.command('ls', (ctx) => {
  exec('ls ' + ctx.botInfo.id)
  exec('ls ' + ctx.message.text) // !
})`,
  ],
  [
    'a bot of Telegram',
    'a.ts',
    `import TelegramBot from 'node-telegram-bot-api'
const bot = new TelegramBot(process.env.T!, { polling: true })
bot.onText(/run (.+)/, (msg, match) => {
  exec(match![1]!) // !
})`,
  ],
  [
    'BullMQ',
    'a.ts',
    `import { Worker } from 'bullmq'
new Worker('q', async (job) => {
  exec('convert ' + job.id)
  exec('convert ' + job.data.file) // !
})`,
  ],
  [
    'Kafka',
    'a.ts',
    `import { Kafka } from 'kafkajs'
const consumer = new Kafka({ brokers: [] }).consumer({ groupId: 'a' })
consumer.run({ eachMessage: async ({ topic, message }) => {
  exec('ls ' + topic)
  exec('ls ' + JSON.parse(message.value!.toString()).folder) // !
} })`,
  ],
  [
    'gRPC',
    'a.ts',
    `import * as grpc from '@grpc/grpc-js'
const server = new grpc.Server()
server.addService(files, { list: (call, callback) => {
  exec('ls ' + call.request.folder) // !
  callback(null, {})
} })`,
  ],
  [
    'Firebase',
    'a.ts',
    `import { onCall } from 'firebase-functions/v2/https'
export const list = onCall((request) => {
  exec('ls ' + request.data.folder) // !
})`,
  ],
  [
    'Inngest',
    'a.ts',
    `import { Inngest } from 'inngest'
export const list = new Inngest({ id: 'a' }).createFunction({ id: 'x' }, { event: 'e' }, async ({ event, step }) => {
  exec('ls ' + step.id)
  exec('ls ' + event.data.folder) // !
})`,
  ],
  [
    'a page of Electron',
    'a.ts',
    `import { ipcMain } from 'electron'
ipcMain.handle('run', async (event, command) => {
  exec('echo ' + event.processId)
  exec(command) // !
})`,
  ],
  [
    'the standard input',
    'a.ts',
    `process.stdin.on('data', (text) => {
  exec('ls ' + text) // !
})`,
  ],
  [
    'oRPC',
    'a.ts',
    `import { os } from '@orpc/server'
import { z } from 'zod'
export const list = os.input(z.object({ folder: z.string(), depth: z.number() })).handler(async ({ input }) => {
  exec('ls ' + input.depth)
  exec('ls ' + input.folder) // !
})`,
  ],
  [
    'a tool of Mastra',
    'a.ts',
    `import { createTool } from '@mastra/core/tools'
import { z } from 'zod'
export const list = createTool({ id: 'x', inputSchema: z.object({ folder: z.string(), depth: z.number() }), execute: async ({ context }) => {
  exec('ls ' + context.depth)
  exec('ls ' + context.folder) // !
} })`,
  ],
  [
    'AdonisJS',
    'a.ts',
    `import type { HttpContext } from '@adonisjs/core/http'
export default class Files {
  async index({ request, params }: HttpContext) {
    exec('ls ' + request.input('folder')) // !
    exec('ls ' + params.folder) // !
  }
}`,
  ],
  [
    'Remix',
    'app/routes/files.tsx',
    `import type { LoaderFunctionArgs } from '@remix-run/node'
export async function loader({ request }: LoaderFunctionArgs) {
  exec('ls ' + new URL(request.url).searchParams.get('folder')) // !
  return null
}`,
  ],
  [
    'SvelteKit',
    'src/routes/files/+page.server.ts',
    `export const actions = { default: async ({ request }) => {
  const data = await request.formData()
  exec('ls ' + data.get('folder')) // !
} }`,
  ],
  [
    'Astro',
    'src/pages/api/files.ts',
    `import type { APIRoute } from 'astro'
export const GET: APIRoute = ({ url }) => {
  exec('ls ' + url.searchParams.get('folder')) // !
  return new Response('')
}`,
  ],
]

test.each(CASES)('%s', (_, path, code) => {
  const text = EXEC + code
  const marked = text.split('\n').flatMap((line, at) => (line.endsWith('// !') ? [at + 1] : []))
  const found = VALUE_FLOW.run(programOf([{ path, text }]))
  expect(found.map(({ rule, location }) => [rule, location.line])).toEqual(
    marked.map((line) => ['value-flow/command-injection', line]),
  )
})
