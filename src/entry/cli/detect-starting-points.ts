import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isJsonObject } from '../../action/json.ts'
import type { JsonValue } from '../../action/json.ts'
import type { StartingPointName } from '../../policy/starting-points/starting-policy.ts'

// What is read of a manifest to find out what a project uses; larger ones are not manifests.
const MAX_MANIFEST_BYTES = 1_000_000

/** What a folder tells about the agents that work in it or for it. */
export interface Detected {
  readonly points: readonly StartingPointName[]
  /** Of `business` only what something was found for. */
  readonly parts: Readonly<Partial<Record<StartingPointName, readonly string[]>>>
  /** Actions that no starting point knows. */
  readonly actions: readonly string[]
  readonly because: readonly { readonly what: string; readonly found: string }[]
}

interface Sign {
  readonly point?: StartingPointName
  readonly part?: string
  readonly action?: string
  /** Files and folders. */
  readonly paths?: readonly string[]
  /** Packages of npm, or `python:NAME`. */
  readonly packages?: readonly string[]
}

const SIGNS: readonly Sign[] = [
  {
    point: 'coding-agent',
    paths: [
      '.claude',
      'CLAUDE.md',
      '.cursor',
      '.cursorrules',
      '.codex',
      '.gemini',
      'GEMINI.md',
      '.windsurf',
      '.clinerules',
      '.aider.conf.yml',
      'opencode.json',
      '.github/copilot-instructions.md',
    ],
  },
  {
    point: 'mcp',
    paths: ['.mcp.json', '.cursor/mcp.json', '.vscode/mcp.json'],
    packages: [
      '@modelcontextprotocol/sdk',
      '@modelcontextprotocol/server',
      '@modelcontextprotocol/client',
      'fastmcp',
      'python:mcp',
      'python:fastmcp',
    ],
  },
  {
    point: 'model-gateway',
    packages: [
      'ai',
      'openai',
      '@openai/agents',
      '@anthropic-ai/sdk',
      '@google/genai',
      '@mistralai/mistralai',
      'langchain',
      '@langchain/core',
      'llamaindex',
      '@mastra/core',
      'python:openai',
      'python:openai-agents',
      'python:anthropic',
      'python:google-genai',
      'python:litellm',
      'python:langchain',
      'python:langgraph',
      'python:crewai',
    ],
  },
  {
    point: 'business',
    part: 'mail',
    packages: [
      'nodemailer',
      'resend',
      '@sendgrid/mail',
      'postmark',
      'mailgun.js',
      'python:sendgrid',
      'python:resend',
    ],
  },
  {
    point: 'business',
    part: 'social',
    packages: ['twitter-api-v2', '@atproto/api', 'masto', 'python:tweepy', 'python:atproto'],
  },
  {
    point: 'business',
    part: 'payments',
    packages: ['stripe', 'braintree', '@adyen/api-library', 'python:stripe', 'python:braintree'],
  },
  {
    point: 'business',
    part: 'crm',
    packages: [
      '@hubspot/api-client',
      'jsforce',
      'pipedrive',
      'python:hubspot-api-client',
      'python:simple-salesforce',
    ],
  },
  {
    action: 'chat.post',
    packages: [
      '@slack/web-api',
      '@slack/bolt',
      'discord.js',
      'telegraf',
      'python:slack-sdk',
      'python:discord.py',
    ],
  },
  {
    action: 'sms.send',
    packages: ['twilio', 'plivo', '@vonage/server-sdk', 'python:twilio', 'python:plivo'],
  },
  {
    action: 'database.write',
    packages: ['pg', 'mysql2', 'mongodb', '@prisma/client', 'python:psycopg', 'python:sqlalchemy'],
  },
]

/**
 * What the folder's files and the packages of its manifests suggest. Calls to models are always among it; where
 * nothing else is found, so is everything that agents do in business, as examples.
 */
export function detectStartingPoints(folder: string): Detected {
  const packages = dependenciesOf(folder)
  const found = SIGNS.flatMap((sign) => {
    const path = sign.paths?.find((each) => existsSync(join(folder, each)))
    const name = path ?? sign.packages?.find((each) => packages.has(each))
    return name === undefined ? [] : [{ sign, found: name.replace('python:', '') }]
  })
  const because = found.map(({ sign, found: name }) => ({
    what: sign.action ?? (sign.part === undefined ? sign.point! : `${sign.point} (${sign.part})`),
    found: name,
  }))
  const points = new Set(found.flatMap(({ sign }) => sign.point ?? []))
  const business = found.flatMap(({ sign }) => (sign.point === 'business' ? (sign.part ?? []) : []))
  const actions = found.flatMap(({ sign }) => sign.action ?? [])
  const modelsAlone = [...points].every((name) => name === 'model-gateway')
  if (modelsAlone && actions.length === 0) points.add('business')
  points.add('model-gateway')
  return { points: [...points], parts: business.length > 0 ? { business } : {}, actions, because }
}

/** The project's name as an agent's: lower case, letters, digits and dashes. */
export function agentNameOf(folder: string): string {
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

/** Whether git leaves the data folder alone. */
export function ignoresDataFolder(folder: string): boolean {
  return /^\/?\.belay\/?\s*$/m.test(read(folder, '.gitignore'))
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

function read(folder: string, name: string): string {
  try {
    const path = join(folder, name)
    const stat = statSync(path)
    // A pipe of that name would never end.
    return stat.isFile() && stat.size <= MAX_MANIFEST_BYTES ? readFileSync(path, 'utf8') : ''
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
