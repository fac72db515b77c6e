import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { defineConfig, type Plugin } from 'rolldown'

/**
 * Joins what `tsc` wrote to `dist`, and the libraries that every start needs, into few files: loading a thousand
 * modules one by one is a third of a start. The files of `dist` stay where they are, for threads and for what is
 * found beside them; those that others import, and the command line, lead to the joined ones, so that there is one of
 * each class in a process.
 */
const dist = resolve(import.meta.dirname, 'dist')
const manifest = JSON.parse(readFileSync(resolve(import.meta.dirname, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
}

/**
 * Loaded by every start, pure JavaScript, and in many files; joined with all that they need themselves. All else is
 * found where npm put it.
 */
const JOINED = new Set([
  '@2toad/profanity',
  '@fastify/swagger',
  '@marcbachmann/cel-js',
  'ajv',
  'ajv-formats',
  'canonicalize',
  'commander',
  'fastify',
  'kysely',
  'libphonenumber-js',
  're2js',
  'semver',
  'sentiment',
  'tldts-icann',
  'unbash',
  'yaml',
])

const doors = Object.values(manifest.exports).flatMap((target) =>
  typeof target === 'string' || !target.default.endsWith('.js')
    ? []
    : [target.default.slice('./dist/'.length)],
)
const entries = [...doors, 'entry/cli/main.js']

/** `import.meta` of a joined module says what it said at its own place. */
function keepPlaces(): Plugin {
  return {
    name: 'keep-places',
    transform(code, id) {
      if (!id.startsWith(dist + sep) || !code.includes('import.meta.')) return null
      const place = `../${relative(dist, id).split(sep).join('/')}`
      const url = `new URL(${JSON.stringify(place)}, import.meta.url)`
      return code.replaceAll(/\bimport\.meta\.(url|dirname|filename)\b/g, (_, what: string) => {
        if (what === 'url') return `${url}.href`
        const target = what === 'filename' ? place : dirname(place)
        return `import.meta.dirname + ${JSON.stringify(`/${target}`)}`
      })
    },
  }
}

/** A text with one character beyond Latin-1 takes two bytes for each of them: for a large file, that is megabytes. */
function narrow(): Plugin {
  return {
    name: 'narrow',
    renderChunk: (code) =>
      code.replaceAll(/(\\*)([\u0100-\uffff])/g, (_, before: string, wide: string) => {
        if (before.length % 2 === 1) throw new Error(`an escaped ${wide} would change its meaning`)
        return `${before}\\u${wide.charCodeAt(0).toString(16).padStart(4, '0')}`
      }),
  }
}

/** Puts the licences of the joined libraries beside them, and lets the doors lead to the joined files. */
function leadThere(): Plugin {
  return {
    name: 'lead-there',
    writeBundle(_, bundle) {
      const packages = new Set<string>()
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk') continue
        for (const id of chunk.moduleIds) {
          const found = /^.*node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\]+/.exec(id)
          if (found !== null) packages.add(found[0])
        }
      }
      writeFileSync(join(dist, 'joined/LICENSES.txt'), [...packages].toSorted().map(licenceOf).join('\n'))
      for (const entry of entries) {
        const name = entry.replace(/\.js$/, '').replaceAll('/', '.')
        const up = '../'.repeat(entry.split('/').length - 1) || './'
        writeFileSync(join(dist, entry), `export * from '${up}joined/${name}.js'\n`)
      }
    },
  }
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly name: string
    readonly version: string
    readonly license?: string
  }
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one))
  if (file === undefined && license === undefined) throw new Error(`${name} has no licence`)
  return `${name} ${version} (${license})\n\n${file === undefined ? '' : readFileSync(join(folder, file), 'utf8')}\n`
}

export default defineConfig({
  logLevel: 'warn',
  input: Object.fromEntries(
    entries.map((entry) => [entry.replace(/\.js$/, '').replaceAll('/', '.'), join(dist, entry)]),
  ),
  platform: 'node',
  external: (id, importer) => {
    if (isBuiltin(id)) return true
    if (/^[./\0]/.test(id) || isAbsolute(id) || importer?.includes(`${sep}node_modules${sep}`)) return false
    return !JOINED.has(id.split('/', id.startsWith('@') ? 2 : 1).join('/'))
  },
  plugins: [keepPlaces(), narrow(), leadThere()],
  // Every name stays as it is written: stack traces are read by people.
  output: {
    dir: join(dist, 'joined'),
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'part-[name]-[hash].js',
    minify: false,
    keepNames: true,
  },
})
