import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { BelayError } from '../../errors/catalogue.ts'
import { pageHeaders } from '../http-api/people/page-headers.ts'

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

/** A name of one part: nothing in it leads to another folder. */
const NAME = /^[A-Za-z0-9_-]{1,100}(?:\.[a-z]{2,4})$/
/** The builder put the digest of the content into the name. */
const HASHED = /-[A-Za-z0-9_-]{8}\.[a-z]{2,4}$/
const CODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const

/** The page, or how to build it. Never kept by browsers: it names the files of this version. */
export async function sendPage(reply: FastifyReply, folder: string): Promise<FastifyReply> {
  const page = await readIfThere(join(folder, 'index.html'))
  if (page !== undefined) return reply.headers(pageHeaders({}, { files: true })).send(page)
  return reply.code(503).headers(pageHeaders()).send(NOT_BUILT)
}

/** Sends the file as it was compressed when it was built, if the browser takes that. */
export async function sendAsset(
  request: FastifyRequest,
  reply: FastifyReply,
  folder: string,
  name: string,
): Promise<FastifyReply> {
  const type = NAME.test(name) ? TYPES[name.slice(name.lastIndexOf('.') + 1)] : undefined
  const accepted = new Set(
    (request.headers['accept-encoding'] ?? '').split(',').map((coding) => coding.trim().toLowerCase()),
  )
  const found = type === undefined ? undefined : await readSmallest(join(folder, name), accepted)
  if (type === undefined || found === undefined) {
    const path = `/assets/${name.slice(0, 200)}`
    throw new BelayError('server:not_found', { method: 'GET', path })
  }
  return reply
    .headers({
      'content-type': type,
      vary: 'accept-encoding',
      'cache-control': HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'public, max-age=300',
      ...(found.coding === undefined ? {} : { 'content-encoding': found.coding }),
    })
    .send(found.bytes)
}

async function readSmallest(
  path: string,
  accepted: ReadonlySet<string>,
): Promise<{ readonly bytes: Buffer; readonly coding?: string } | undefined> {
  for (const [coding, ending] of CODINGS) {
    const bytes = accepted.has(coding) ? await readIfThere(path + ending) : undefined
    if (bytes !== undefined) return { bytes, coding }
  }
  const bytes = await readIfThere(path)
  return bytes === undefined ? undefined : { bytes }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const NOT_BUILT = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Belay</title>
<meta name="viewport" content="width=device-width"></head><body><main><h1>The console is not built</h1>
<p>In this checkout, run <code>npm run build:console</code> and load this page again.</p>
<p>Belay itself is running: everything in the console is on the command line too.</p></main></body></html>`
