import { readdirSync } from 'node:fs'
import { createRequire, Module } from 'node:module'
import { dirname, join } from 'node:path'
import type * as TwitterText from 'twitter-text'

const POLYFILL = /^(?:es\d|web)\..+\.js$/

/**
 * `twitter-text` without its polyfills. They do nothing that this engine lacks, but by probing `RegExp` they
 * switch off the engine's fast paths for the whole process: every `replace` and `split` by a regular
 * expression then takes about ten times as long (measured on Node 24). So they are put in the module cache,
 * empty, before the library asks for them. Loaded on first use: it takes 15 MB, and few policies need it.
 */
export function twitterText(): typeof TwitterText {
  return (loaded ??= load())
}

let loaded: typeof TwitterText | undefined

function load(): typeof TwitterText {
  const require = createRequire(import.meta.url)
  const requireInside = createRequire(require.resolve('twitter-text'))
  const folder = dirname(requireInside.resolve('core-js/modules/es6.regexp.replace'))
  for (const file of readdirSync(folder)) {
    const path = join(folder, file)
    if (!POLYFILL.test(file) || require.cache[path] !== undefined) continue
    const empty = new Module(path)
    empty.filename = path
    empty.loaded = true
    require.cache[path] = empty
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the package's own types
  return require('twitter-text') as typeof TwitterText
}
