import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { isJsonObject } from '../../action/json.ts'
import type { JsonValue } from '../../action/json.ts'
import { CommandFailure } from './failure.ts'
import { escapeText } from './escape.ts'
import { line, note } from './print.ts'
import { starterPolicy } from '../../policy/starter-policy.ts'

// What is read of a manifest to find out what a project uses; larger ones are not manifests.
const MAX_MANIFEST_LENGTH = 1_000_000

/** What agents tend to do with a package, as the name of an action. */
const ACTIONS: readonly (readonly [action: string, ...packages: string[]])[] = [
  [
    'email.send',
    'nodemailer',
    'resend',
    '@sendgrid/mail',
    'postmark',
    'mailgun.js',
    'python:sendgrid',
    'python:resend',
  ],
  ['payments.refund', 'stripe', 'braintree', '@adyen/api-library', 'python:stripe', 'python:braintree'],
  [
    'chat.post',
    '@slack/web-api',
    '@slack/bolt',
    'discord.js',
    'telegraf',
    'python:slack-sdk',
    'python:discord.py',
  ],
  ['sms.send', 'twilio', 'plivo', '@vonage/server-sdk', 'python:twilio', 'python:plivo'],
  ['database.write', 'pg', 'mysql2', 'mongodb', '@prisma/client', 'python:psycopg', 'python:sqlalchemy'],
]

export function addInit(program: Command): void {
  program
    .command('init')
    .description('write a commented belay.yaml fitted to what this folder uses')
    .option('--config <file>', 'the file to write', 'belay.yaml')
    .action(init)
}

function init(options: { readonly config: string }): void {
  const folder = resolve('.')
  const found = dependenciesOf(folder)
  const fitted = ACTIONS.flatMap(([action, ...packages]) => {
    const because = packages.find((name) => found.has(name))
    return because === undefined ? [] : [{ action, because: because.replace('python:', '') }]
  })
  const text = starterPolicy({ agents: [agentName(folder)], actions: fitted.map(({ action }) => action) })
  try {
    writeFileSync(options.config, text, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new CommandFailure(`${options.config} is there already; it was left as it is.`, {
      advice: '`belay policy lint` checks it; --config names another file to write.',
    })
  }
  line(`wrote ${escapeText(options.config)}`)
  for (const { action, because } of fitted) line(`  ${action}: for ${because}`)
  line('next: read it, then run `belay up`')
  if (!ignoresDataFolder(folder)) note('belay: add .belay/ to .gitignore; the admin token lies there')
}

/** Names of packages that the manifests of the folder mention. */
function dependenciesOf(folder: string): ReadonlySet<string> {
  const names = new Set<string>()
  const manifest = parse(read(folder, 'package.json'))
  for (const section of ['dependencies', 'devDependencies', 'optionalDependencies']) {
    const entries = isJsonObject(manifest) ? manifest[section] : undefined
    if (isJsonObject(entries)) for (const name of Object.keys(entries)) names.add(name)
  }
  const python = `${read(folder, 'requirements.txt')}\n${read(folder, 'pyproject.toml')}`
  for (const [name] of python.matchAll(/[a-z][a-z0-9_.-]{1,60}/gi)) names.add(`python:${name.toLowerCase()}`)
  return names
}

/** The project's name as an agent's: lower case, letters, digits and dashes. */
function agentName(folder: string): string {
  const manifest = parse(read(folder, 'package.json'))
  const given = isJsonObject(manifest) ? manifest['name'] : undefined
  const source = typeof given === 'string' ? given : basename(folder)
  const name = source
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40)
  return name === '' ? 'my-agent' : name
}

function ignoresDataFolder(folder: string): boolean {
  return /^\/?\.belay\/?\s*$/m.test(read(folder, '.gitignore'))
}

function read(folder: string, name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8').slice(0, MAX_MANIFEST_LENGTH)
  } catch {
    return ''
  }
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return null
  }
}
