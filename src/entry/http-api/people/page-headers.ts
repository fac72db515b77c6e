import { hash } from 'node:crypto'

const EVERYWHERE = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
} as const

/** For answers that are no pages: were a browser to show one, nothing in it would run or load. */
export const PLAIN_HEADERS = {
  ...EVERYWHERE,
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const

/**
 * Headers of an HTML page of ours. Inline scripts and styles run only when they are exactly these; files only from this
 * origin, and only when `files` says so. Nothing is framed, and nothing is sent elsewhere.
 */
export function pageHeaders(
  inline: { readonly scripts?: readonly string[]; readonly styles?: readonly string[] } = {},
  { files = false }: { readonly files?: boolean } = {},
): Record<string, string> {
  const sources = (texts: readonly string[] = []): string => {
    const all = [
      ...(files ? ["'self'"] : []),
      ...texts.map((text) => `'sha256-${hash('sha256', text, 'base64')}'`),
    ]
    return all.length === 0 ? "'none'" : all.join(' ')
  }
  const policy = {
    'default-src': "'none'",
    'script-src': sources(inline.scripts),
    'style-src': sources(inline.styles),
    'img-src': files ? "'self' data:" : "'none'",
    'font-src': sources(),
    'connect-src': "'self'",
    'base-uri': "'none'",
    'form-action': "'self'",
    'frame-ancestors': "'none'",
    'require-trusted-types-for': "'script'",
  }
  return {
    ...EVERYWHERE,
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': Object.entries(policy)
      .map(([name, value]) => `${name} ${value}`)
      .join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  }
}
