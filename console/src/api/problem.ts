/** An error that Belay answered (RFC 9457), or that it did not answer at all: `network:unreachable`, status 0. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  /** From the catalogue of errors, such as `approval:not_found`; go by this, not by the sentence. */
  readonly code: string
  readonly title: string
  /** The values of the sentence. */
  readonly details: Readonly<Record<string, string>>

  constructor({
    status,
    code,
    title,
    detail,
    details = {},
  }: {
    readonly status: number
    readonly code: string
    readonly title: string
    readonly detail: string
    readonly details?: Readonly<Record<string, string>>
  }) {
    super(detail)
    this.status = status
    this.code = code
    this.title = title
    this.details = details
  }
}

/** Reads whatever came back instead of an answer; proxies between may say anything. */
export async function problemFrom(response: Response): Promise<Problem> {
  const { status } = response
  let body: unknown
  try {
    body = await response.json()
  } catch {
    body = null
  }
  const said = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const text = (name: string, otherwise: string): string => {
    const value = said[name]
    return typeof value === 'string' && value !== '' ? value : otherwise
  }
  return new Problem({
    status,
    code: text('code', 'server:unknown'),
    title: text('title', 'Unexpected answer'),
    detail: text('detail', `The server answered ${status}.`),
    details: (said['details'] ?? {}) as Record<string, string>,
  })
}

/** The sentence to show for anything that was thrown. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
