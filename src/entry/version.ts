import { readFileSync } from 'node:fs'

// From src/entry and from dist/entry alike, the package is two folders up.
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** The version of the package. */
export const VERSION: string = manifest.version
