import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib'
import { BelayError } from '../../errors/catalogue.ts'

export interface BodyLimits {
  /** Bytes, decoded. Default 32 MiB. */
  readonly body?: number
  /** Longest pause between two pieces, ms. Default 30 s. */
  readonly stall?: number
  /** Until the whole body must have arrived, ms. Default 10 min. */
  readonly total?: number
}

/** The client went away before its request was whole: nobody is left to answer. */
export class ClientGone extends Error {
  constructor() {
    super('the client went away before its request was whole')
    this.name = 'ClientGone'
  }
}

const DECODERS = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
} as const

/**
 * Reads the body of a request whole, and decodes it when the client compressed it. Rejects with `ClientGone`, or with
 * `input:too_large` (at once when the length is announced), `server:timeout`, `input:unsupported_media_type` for an
 * encoding that is unknown, `input:invalid` for one that is broken. After a rejection the body may still be arriving:
 * answer with `connection: close`.
 */
export async function readBody(request: IncomingMessage, limits: BodyLimits = {}): Promise<Buffer> {
  const max = limits.body ?? 32 * 1024 * 1024
  const { 'content-length': length, 'content-encoding': encoding = '' } = request.headers
  if (length !== undefined && Number(length) > max) throw tooLarge(max)
  const decode = decoderOf(encoding)
  const bytes = await receive(request, max, limits.stall ?? 30_000, limits.total ?? 600_000)
  if (decode === null || bytes.length === 0) return bytes
  try {
    return await decode(bytes, { maxOutputLength: max })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(max)
    throw new BelayError('input:invalid', {
      where: 'body',
      expected: `what its content-encoding says (${encoding.slice(0, 40)})`,
      got: 'something else',
    })
  }
}

function decoderOf(encoding: string): (typeof DECODERS)[keyof typeof DECODERS] | null {
  const name = encoding.trim().toLowerCase()
  if (name === '' || name === 'identity') return null
  if (Object.hasOwn(DECODERS, name)) return DECODERS[name as keyof typeof DECODERS]
  throw new BelayError('input:unsupported_media_type', {
    got: `the content encoding ${JSON.stringify(name.slice(0, 40))}`,
  })
}

function receive(request: IncomingMessage, max: number, stall: number, total: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let size = 0
    const deadline = performance.now() + total
    const timer = setTimeout(() => settle(new BelayError('server:timeout')), stall)
    const settle = (error: Error | null): void => {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose)
      if (error === null) return resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, size))
      // Paused, not read on: what nobody will use need not be received.
      request.pause()
      reject(error)
    }
    const onData = (piece: Buffer): void => {
      size += piece.length
      pieces.push(piece)
      if (size > max) settle(tooLarge(max))
      else if (performance.now() > deadline) settle(new BelayError('server:timeout'))
      else timer.refresh()
    }
    const onEnd = (): void => settle(null)
    const onClose = (): void => settle(new ClientGone())
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose)
    if (request.destroyed) onClose()
  })
}

function tooLarge(max: number): BelayError {
  return new BelayError('input:too_large', { where: 'body', max: `${max} bytes`, got: 'more' })
}
