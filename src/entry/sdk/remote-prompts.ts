import { isJsonObject, type JsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import type { ApiClient } from './api-client.ts'
import { HarnessUnreachable } from './errors.ts'
import { filled, templateOf, type PromptAccess, type PromptTemplate } from './prompt-access.ts'

const RETRIES = 5

/** The registry of a running harness. */
export function remotePrompts(client: ApiClient): PromptAccess {
  const pathOf = (name: string): string => `/v1/prompts/${encodeURIComponent(name)}`
  return {
    async get(name, { version, label = 'latest' } = {}) {
      const number = version ?? (await versionOf(client, pathOf(name), name, label))
      const answer = await client.object('GET', `${pathOf(name)}/versions/${number}`, { retries: RETRIES })
      return templateFrom(answer, client.url)
    },
    async render(name, { variables = {}, version, label } = {}) {
      const body: JsonObject = {
        variables,
        ...(version !== undefined && { version }),
        ...(label !== undefined && { label }),
      }
      const answer = await client.object('POST', `${pathOf(name)}/render`, { body, retries: RETRIES })
      return filled(templateFrom(answer, client.url))
    },
  }
}

async function versionOf(client: ApiClient, path: string, name: string, label: string): Promise<number> {
  const { versions } = await client.object('GET', path, { retries: RETRIES })
  const found = Array.isArray(versions)
    ? versions.find(
        (each: unknown): each is { version: number } =>
          isJsonObject(each) && Array.isArray(each['labels']) && each['labels'].includes(label),
      )
    : undefined
  if (found === undefined) throw new BelayError('prompt:not_found', { name: `${label} of ${name}` })
  return found.version
}

function templateFrom(answer: JsonObject, url: string): PromptTemplate {
  const { name, version, digest } = answer
  if (typeof name !== 'string' || typeof version !== 'number' || typeof digest !== 'string')
    throw new HarnessUnreachable(url, { cause: new Error('the answer is not a prompt') })
  return templateOf(answer as unknown as Parameters<typeof templateOf>[0])
}
