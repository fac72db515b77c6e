type Schema = Readonly<Record<string, unknown>>

export interface RouteWords {
  readonly summary: string
  readonly tag:
    | 'actions'
    | 'approvals'
    | 'agents'
    | 'keys'
    | 'events'
    | 'sessions'
    | 'ledger'
    | 'policy'
    | 'prompts'
    | 'people'
    | 'server'
  /** Whether the route answers without credentials. */
  readonly open?: boolean
  readonly params?: Schema
  readonly querystring?: Schema
  readonly headers?: Schema
  readonly body?: Schema
  /** Answers by status: JSON unless a media type says otherwise. */
  readonly answers: Readonly<
    Record<number, { readonly description: string; readonly schema: Schema; readonly media?: string }>
  >
}

/** One route's schema, for checking what comes in and for the OpenAPI document. Every route may answer a problem. */
export function routeSchema(words: RouteWords): Record<string, unknown> {
  const response: Record<string, unknown> = {
    default: {
      description: 'A problem (RFC 9457)',
      content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
    },
  }
  for (const [status, { description, schema, media = 'application/json' }] of Object.entries(words.answers)) {
    response[status] = { description, content: { [media]: { schema } } }
  }
  return {
    summary: words.summary,
    tags: [words.tag],
    ...(words.open === true ? { security: [] } : {}),
    ...(words.params === undefined ? {} : { params: words.params }),
    ...(words.querystring === undefined ? {} : { querystring: words.querystring }),
    ...(words.headers === undefined ? {} : { headers: words.headers }),
    ...(words.body === undefined ? {} : { body: words.body }),
    response,
  }
}
