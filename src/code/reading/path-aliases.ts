import { parse } from './packages.ts'

/** `paths` of one tsconfig.json: `@app/*` → `src/app/*`, relative to the checked folder. */
export interface PathAliases {
  /** Folder that they hold for. */
  readonly folder: string
  readonly base: string | null
  readonly paths: readonly { readonly from: string; readonly to: readonly string[] }[]
}

export function readPathAliases(texts: ReadonlyMap<string, string>): readonly PathAliases[] {
  const all: PathAliases[] = []
  for (const [path, text] of texts) {
    const match = /^(.*?)(?:^|\/)[jt]sconfig[\w.-]*\.json$/.exec(path)
    if (match === null) continue
    const options = parse(withoutComments(text))?.['compilerOptions'] as Record<string, unknown> | undefined
    if (typeof options !== 'object' || options === null) continue
    const folder = match[1] ?? ''
    const base = typeof options['baseUrl'] === 'string' ? join(folder, options['baseUrl']) : null
    const paths = Object.entries((options['paths'] ?? {}) as Record<string, unknown>).map(([from, to]) => ({
      from,
      to: (Array.isArray(to) ? to : [])
        .filter((each) => typeof each === 'string')
        .map((each) => join(base ?? folder, each)),
    }))
    if (base !== null || paths.length > 0) all.push({ folder, base, paths })
  }
  return all.sort((a, b) => b.folder.length - a.folder.length)
}

/** Joins and normalises paths relative to the checked folder; what leads out of it has a leading `..`. */
export function join(folder: string, path: string): string {
  const parts: string[] = []
  for (const part of `${folder}/${path}`.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else parts.push(part)
  }
  return parts.join('/')
}

/** JSON with comments and trailing commas, as tsconfig.json may be, as JSON. */
function withoutComments(text: string): string {
  let out = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string
    if (char === '"') {
      let end = at + 1
      while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1
      out += text.slice(at, end + 1)
      at = end
    } else if (char === '/' && text[at + 1] === '/') {
      const end = text.indexOf('\n', at)
      at = end < 0 ? text.length : end - 1
    } else if (char === '/' && text[at + 1] === '*') {
      const end = text.indexOf('*/', at + 2)
      at = end < 0 ? text.length : end + 1
    } else out += char
  }
  return out.replace(/,(\s*[}\]])/g, '$1')
}
