import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { expect } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import type { JsonObject } from '../../src/action/json.ts'
import type { TokenUsage } from '../../src/entry/model-gateway/model-call.ts'
import type { Protocol } from '../../src/entry/model-gateway/wire-formats/wire-format.ts'
import type { BudgetReport } from '../../src/storage/store.ts'
import type { TestGateway } from '../setup/gateway.ts'
import { PROVIDER_KEYS, type Provider } from './provider/provider.ts'

/** Every way in which an agent can ask a model for text. */
export const ROUTES = ['chat', 'responses', 'messages', 'gemini'] as const
export type Route = (typeof ROUTES)[number]

export const MODELS: Readonly<Record<Route, string>> = {
  chat: 'gpt-4o',
  responses: 'gpt-5',
  messages: 'claude-sonnet-5-5',
  gemini: 'gemini-2.5-flash',
}

/** Dollars per million tokens; a thousandth of it is nano-dollars a token. */
export const RATES = { input: 2, output: 8, cacheRead: 0.5, cacheWrite: 2.5 }

/** What the provider bills, in nano-dollars, reckoned without any code of the gateway. */
export function priceOf(usage: TokenUsage | null, rates = RATES): number {
  if (usage === null) return 0
  const plain = usage.input - usage.cacheRead - usage.cacheWrite
  const dollarsPerMillion =
    plain * rates.input +
    usage.cacheRead * rates.cacheRead +
    usage.cacheWrite * rates.cacheWrite +
    usage.output * rates.output
  return Math.round(dollarsPerMillion * 1000)
}

export interface PolicyOptions {
  readonly rates?: typeof RATES
  /** YAML of one line, put under every provider, or under those that are named. */
  readonly provider?: string | Partial<Record<Protocol, string>>
  /** YAML of one line: the entry of every agent. */
  readonly agent?: string
  /** YAML of one line, in the entry of `model.generate`. */
  readonly generate?: string
  /** Whole lines of YAML, indented by two: further actions. */
  readonly actions?: string
}

/** A policy under which every agent may call the scripted provider. */
export function policyFor(provider: Provider, options: PolicyOptions = {}): string {
  const { rates = RATES, agent = '{}', generate = '' } = options
  const price = `input_usd_per_mtok: ${rates.input}, output_usd_per_mtok: ${rates.output}, cache_read_usd_per_mtok: ${rates.cacheRead}, cache_write_usd_per_mtok: ${rates.cacheWrite}, context_window: 200000`
  const more = (name: Protocol): string | undefined =>
    typeof options.provider === 'string' ? options.provider : options.provider?.[name]
  const entry = (name: Protocol, models: readonly string[]): string =>
    `  ${name}:
    base_url: ${provider.urls[name]}
    api_key: ${PROVIDER_KEYS[name]}
    models: { ${models.map((model) => `${model}: { ${price} }`).join(', ')} }
${more(name) === undefined ? '' : `    ${more(name)}\n`}`
  return `version: 1
mode: enforce
defaults: { decision: deny }
providers:
${entry('openai', ['gpt-4o', 'gpt-4o-mini', 'gpt-5', 'text-embedding-3-small'])}${entry('anthropic', ['claude-sonnet-5-5', 'claude-haiku-4-5'])}${entry('gemini', ['gemini-2.5-flash', 'gemini-2.5-pro', 'gemini-embedding-001'])}agents:
  '*': ${agent}
actions:
  model.generate: { effect: read${generate === '' ? '' : `, ${generate}`} }
  model.embed: { effect: read }
  model.list: { effect: read }
  model.count: { effect: read }
${options.actions ?? ''}`
}

export interface Clients {
  readonly openai: OpenAI
  readonly anthropic: Anthropic
  readonly gemini: GoogleGenAI
}

/** The official clients; nothing but address and key is told to them. */
export function clientsOf(url: string, key: string, maxRetries = 0): Clients {
  return {
    openai: new OpenAI({ baseURL: `${url}/openai/v1`, apiKey: key, maxRetries }),
    anthropic: new Anthropic({ baseURL: `${url}/anthropic`, apiKey: key, maxRetries }),
    gemini: new GoogleGenAI({
      apiKey: key,
      httpOptions: { baseUrl: `${url}/gemini`, apiVersion: 'v1beta' },
    }),
  }
}

export interface Ask {
  readonly route: Route
  readonly stream: boolean
  readonly prompt: string
  readonly maxTokens?: number
  readonly model?: string
  readonly signal?: AbortSignal
}

/** What an agent got: all text that its client gave it, and the error that the client raised. */
export interface Got {
  readonly text: string
  readonly error: (Error & { readonly status?: number }) | null
}

export async function ask(clients: Clients, question: Ask): Promise<Got> {
  const got: string[] = []
  try {
    for await (const text of TEXTS[question.route](clients, question)) got.push(text)
    return { text: got.join(''), error: null }
  } catch (error) {
    return { text: got.join(''), error: error as Error }
  }
}

type Texts = (clients: Clients, question: Ask) => AsyncIterable<string>

const TEXTS: Readonly<Record<Route, Texts>> = {
  async *chat({ openai }, { prompt, stream, maxTokens, model = MODELS.chat, signal }) {
    const body = {
      model,
      ...(maxTokens !== undefined && { max_tokens: maxTokens }),
      messages: [{ role: 'user' as const, content: prompt }],
    }
    const options = signal ? { signal } : {}
    if (!stream) {
      yield (await openai.chat.completions.create(body, options)).choices[0]?.message.content ?? ''
      return
    }
    for await (const chunk of await openai.chat.completions.create({ ...body, stream }, options))
      yield chunk.choices[0]?.delta.content ?? ''
    endedBy(signal)
  },
  async *responses({ openai }, { prompt, stream, maxTokens, model = MODELS.responses, signal }) {
    const body = {
      model,
      ...(maxTokens !== undefined && { max_output_tokens: maxTokens }),
      input: prompt,
    }
    const options = signal ? { signal } : {}
    if (!stream) {
      yield (await openai.responses.create(body, options)).output_text
      return
    }
    for await (const event of await openai.responses.create({ ...body, stream }, options))
      if (event.type === 'response.output_text.delta') yield event.delta
    endedBy(signal)
  },
  async *messages({ anthropic }, { prompt, stream, maxTokens = 1000, model = MODELS.messages, signal }) {
    const body = {
      model,
      max_tokens: maxTokens,
      messages: [{ role: 'user' as const, content: prompt }],
    }
    const options = signal ? { signal } : {}
    if (!stream) {
      const { content } = await anthropic.messages.create(body, options)
      yield content.map((block) => (block.type === 'text' ? block.text : '')).join('')
      return
    }
    for await (const event of await anthropic.messages.create({ ...body, stream }, options))
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') yield event.delta.text
    endedBy(signal)
  },
  async *gemini({ gemini }, { prompt, stream, maxTokens, model = MODELS.gemini, signal }) {
    const body = {
      model,
      contents: prompt,
      config: {
        ...(maxTokens !== undefined && { maxOutputTokens: maxTokens }),
        ...(signal && { abortSignal: signal }),
      },
    }
    if (!stream) {
      const answer = await gemini.models.generateContent(body)
      if (answer.candidates === undefined) throw new Error('an answer without candidates')
      yield answer.text ?? ''
      return
    }
    for await (const part of await gemini.models.generateContentStream(body)) yield part.text ?? ''
    endedBy(signal)
  },
}

/** Some clients end an aborted stream without a word. */
function endedBy(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new Error('aborted')
}

const IN_FLIGHT: ReadonlySet<string> = new Set(['held', 'ready', 'executing'])

/** The actions of an agent, oldest first, when none is in flight any more. */
export async function settled({ harness }: TestGateway, agent: string): Promise<readonly Action[]> {
  const read = () => harness.store.actions({ agent, limit: 1000 })
  await expect
    .poll(async () => (await read()).filter(({ state }) => IN_FLIGHT.has(state.name)), { timeout: 60_000 })
    .toEqual([])
  return (await read()).toReversed()
}

/** The budgets in dollars that the agent has drawn on. */
export async function budgetsOf({ harness }: TestGateway, agent: string): Promise<readonly BudgetReport[]> {
  const reports = await harness.store.budgets({ agent, at: harness.store.now() })
  return reports.filter(({ unit }) => unit === 'nano_usd')
}

/** The bodies of an action's records of one kind. */
export async function recordsOf(
  { harness }: TestGateway,
  action: Action,
  kind: string,
): Promise<readonly JsonObject[]> {
  const records = await harness.store.recordsOf(action.id)
  return records.filter((record) => record.kind === kind).map(({ text }) => JSON.parse(text) as JsonObject)
}

/** The worst case that was reserved for an action, in nano-dollars, as its decision's record has it. */
export async function reservedFor(gateway: TestGateway, action: Action): Promise<number> {
  const [decision] = await recordsOf(gateway, action, 'decision')
  return Math.round(Number(decision?.['cost_usd'] ?? Number.NaN) * 1e9)
}
