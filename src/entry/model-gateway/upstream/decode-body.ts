import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import type { Transform } from 'node:stream'

/**
 * A stream that undoes a `content-encoding` (RFC 9110 §8.4); `null` when there is nothing to undo, `undefined` when
 * the encoding is unknown or there are several. What comes out is for the reader to bound: a few bytes can expand
 * to gigabytes.
 */
export function decoderFor(encoding: string | readonly string[] | undefined): Transform | null | undefined {
  if (encoding === undefined) return null
  if (typeof encoding !== 'string') return undefined
  switch (encoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      return null
    case 'gzip':
    case 'x-gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress()
    default:
      return undefined
  }
}
