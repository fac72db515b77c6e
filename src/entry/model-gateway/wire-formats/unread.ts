import { NO_MEDIA, type ModelRequest } from '../model-call.ts'
import type { Protocol, WireFormat } from './wire-format.ts'

const NOTHING_READ: ModelRequest = {
  model: null,
  texts: [],
  tools: [],
  toolSchemas: null,
  toolResults: [],
  stream: false,
  maxTokens: null,
  answers: 1,
  params: {},
  media: NO_MEDIA,
  session: null,
}

/**
 * What the gateway does not understand: it passes byte for byte, as `model.request`, if the policy has an entry for
 * that. Nothing of it is read.
 */
function createUnread(protocol: Protocol): WireFormat {
  return {
    name: `${protocol}-unread`,
    protocol,
    operation: 'model.request',
    telemetryName: 'unread',
    match: () => ({}),
    readRequest: () => NOTHING_READ,
    rewriteRequest: (body) => body,
    readAnswer: () => {
      throw new Error('an answer of an unknown format was to be read')
    },
    rewriteAnswer: (body) => body,
    stream: null,
  }
}

const UNREAD: Readonly<Record<Protocol, WireFormat>> = {
  openai: createUnread('openai'),
  anthropic: createUnread('anthropic'),
  gemini: createUnread('gemini'),
}

export function unread(protocol: Protocol): WireFormat {
  return UNREAD[protocol]
}
