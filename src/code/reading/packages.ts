import type { PackageInfo } from '../flow-graph/program.ts'

type Json = Readonly<Record<string, unknown>>

/** Packages that make a program a server or an application, so that its exports are not what people call. */
const SERVERS = new Set([
  'express', 'koa', 'fastify', 'hono', '@nestjs/core', 'next', 'nuxt', 'h3', '@hapi/hapi', 'hapi', 'restify',
  'sails', 'meteor', 'electron', 'react-scripts', '@angular/core', 'gatsby', '@remix-run/node', 'apollo-server',
]) // prettier-ignore

/** Every package.json among the texts, outermost first. */
export function readPackages(texts: ReadonlyMap<string, string>): readonly PackageInfo[] {
  const packages: PackageInfo[] = []
  for (const [path, text] of texts) {
    if (!/(?:^|\/)package\.json$/.test(path)) continue
    const json = parse(text)
    if (json !== null)
      packages.push(packageOf(path.slice(0, -'package.json'.length).replace(/\/$/, ''), json))
  }
  return packages.sort((a, b) => a.folder.length - b.folder.length)
}

export function parse(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Json) : null
  } catch {
    return null
  }
}

function packageOf(folder: string, json: Json): PackageInfo {
  const named = (key: string): string[] =>
    typeof json[key] === 'object' && json[key] !== null ? Object.keys(json[key]) : []
  const runtime = [...named('dependencies'), ...named('optionalDependencies')]
  const dependencies = new Set([...runtime, ...named('devDependencies'), ...named('peerDependencies')])
  const entries = [...strings(json['main']), ...strings(json['module']), ...strings(json['exports'])]
  const library =
    (json['private'] !== true || (entries.length > 0 && !named('scripts').includes('start'))) &&
    (entries.length > 0 || (typeof json['name'] === 'string' && typeof json['version'] === 'string')) &&
    !runtime.some((each) => SERVERS.has(each) && !isPluginFor(String(json['name']), each))
  return {
    folder,
    name: typeof json['name'] === 'string' ? json['name'] : null,
    dependencies,
    entries: [...new Set(entries)],
    bins: strings(json['bin']),
    library,
  }
}

/** `fastify-cookie`, `koa-static`: extends a server, is none. */
function isPluginFor(name: string, server: string): boolean {
  return name.includes(server.replace(/^@.*\//, ''))
}

/** Every string in a value of package.json, however nested: `exports` has conditions and subpaths. */
function strings(value: unknown, depth = 0): string[] {
  if (typeof value === 'string') return /\.d\.[mc]?ts$|\.json$|\.css$/.test(value) ? [] : [value]
  if (typeof value !== 'object' || value === null || depth > 5) return []
  return Object.values(value).flatMap((each) => strings(each, depth + 1))
}
