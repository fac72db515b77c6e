import type { FastifyServerOptions } from 'fastify'

export interface LogOptions {
  /** `warn` unless told; `debug` tells every request. */
  readonly level?: string
  /** Standard error unless told. */
  readonly stream?: { write(line: string): void }
}

const SECRETS = /\bbl[kls]_[A-Za-z0-9_-]{8,}|\bBearer\s+\S+|:\/\/[^\s/@]{1,200}@/gi

/** Neither headers nor bodies nor queries are logged; what an error's words may have picked up is blotted out. */
export function serverLog(options: LogOptions): NonNullable<FastifyServerOptions['logger']> {
  return {
    level: options.level ?? 'warn',
    stream: options.stream ?? process.stderr,
    redact: {
      paths: ['authorization', '*.authorization', 'req.headers', 'token', '*.token', 'key', '*.key'],
      censor: '(hidden)',
    },
    serializers: {
      req: (request: { method?: string; url?: string }) => ({
        method: request.method,
        path: request.url?.split('?', 1)[0]?.slice(0, 200),
      }),
      err: (error: unknown) => {
        const { name, message, stack, code } = (
          error instanceof Error ? error : new Error(String(error))
        ) as Error & { code?: unknown }
        return { type: name, code, message: blot(message), stack: blot(stack ?? '') }
      },
    },
  } as NonNullable<FastifyServerOptions['logger']>
}

function blot(text: string): string {
  return text.replace(SECRETS, '(hidden)').slice(0, 8_000)
}
