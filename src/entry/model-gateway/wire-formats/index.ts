import { anthropicCountTokens } from './anthropic-count-tokens.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { anthropicModels } from './anthropic-models.ts'
import { geminiCountTokens } from './gemini-count-tokens.ts'
import { geminiEmbed } from './gemini-embed.ts'
import { geminiGenerate } from './gemini-generate.ts'
import { geminiModels } from './gemini-models.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiCompletions } from './openai-completions.ts'
import { openaiEmbeddings } from './openai-embeddings.ts'
import { openaiModels } from './openai-models.ts'
import { openaiResponses } from './openai-responses.ts'
import type { Protocol, RouteMatch, WireFormat } from './wire-format.ts'

/** Every format that the gateway understands. */
export const wireFormats: readonly WireFormat[] = [
  openaiChat,
  openaiResponses,
  openaiCompletions,
  openaiEmbeddings,
  openaiModels,
  anthropicMessages,
  anthropicCountTokens,
  anthropicModels,
  geminiGenerate,
  geminiCountTokens,
  geminiEmbed,
  geminiModels,
]

/**
 * The format of a route and what its path says; `undefined` for routes that the gateway does not understand, which
 * are `model.request`. `path` is what follows the provider's base URL, without the query.
 */
export function formatFor(
  protocol: Protocol,
  method: string,
  path: string,
): { readonly format: WireFormat; readonly route: RouteMatch } | undefined {
  const { posts, listing, all } = routes[protocol]
  const likely =
    method === 'POST' ? (posts.get(path) ?? posts.get(path.slice(path.lastIndexOf(':')))) : listing
  // An encoded path may hide what the table looks up.
  const candidates = likely === undefined && path.includes('%') ? all : [likely]
  for (const format of candidates) {
    const route = format?.match(method, path)
    if (format !== undefined && route !== undefined) return { format, route }
  }
  return undefined
}

interface Routes {
  /** By the whole path, or by the method at its end that follows a colon. */
  readonly posts: ReadonlyMap<string, WireFormat>
  readonly listing: WireFormat
  readonly all: readonly WireFormat[]
}

const routes: Readonly<Record<Protocol, Routes>> = {
  openai: {
    posts: new Map([
      ['/chat/completions', openaiChat],
      ['/responses', openaiResponses],
      ['/completions', openaiCompletions],
      ['/embeddings', openaiEmbeddings],
    ]),
    listing: openaiModels,
    all: wireFormats.filter((format) => format.protocol === 'openai'),
  },
  anthropic: {
    posts: new Map([
      ['/messages', anthropicMessages],
      ['/messages/count_tokens', anthropicCountTokens],
    ]),
    listing: anthropicModels,
    all: wireFormats.filter((format) => format.protocol === 'anthropic'),
  },
  gemini: {
    posts: new Map([
      [':generateContent', geminiGenerate],
      [':streamGenerateContent', geminiGenerate],
      [':countTokens', geminiCountTokens],
      [':embedContent', geminiEmbed],
      [':batchEmbedContents', geminiEmbed],
    ]),
    listing: geminiModels,
    all: wireFormats.filter((format) => format.protocol === 'gemini'),
  },
}
