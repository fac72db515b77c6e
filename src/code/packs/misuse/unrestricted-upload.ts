import type { Effects } from '../../effects/effects.ts'
import type { Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { textOf } from '../../flow-graph/module.ts'
import type { Rule } from '../rule.ts'
import { callsTo, codeOf, objectOf, optionOf, type Written } from './calls.ts'

export const UNRESTRICTED_UPLOAD: Rule = {
  info: {
    id: 'misuse/unrestricted-upload',
    title: 'Uploads of any kind, into a folder that is served',
    cwe: 'CWE-434',
    tags: ['OWASP A04:2021', 'CWE-770'],
    severity: 'warning',
    help: 'Give `fileFilter` (a list of allowed types and extensions) and `limits.fileSize`, choose the names yourself, and keep uploads out of folders that are served.',
  },
  *find(effects) {
    const served = servedFolders(effects)
    for (const { node, within } of callsTo(effects, /multer/, /^multer(?:\.default)?$/)) {
      const options = objectOf(effects, node.args[0], within)
      if (options === null) continue
      if (optionOf(effects, options, 'fileFilter') !== null) continue
      const target = targetOf(effects, options)
      if (target === null || !isServed(target.folder, served)) continue
      yield {
        module: target.place.within.module,
        span: target.place.node,
        message: `Files of any kind${optionOf(effects, options, 'limits') === null ? ' and size' : ''} are put into \`${target.folder}\`, which is served: a page with a script of the sender's then comes from this site.`,
      }
    }
  },
}

interface Target {
  readonly folder: string
  readonly place: { readonly node: Expression; readonly within: FunctionInfo }
}

function targetOf(effects: Effects, options: Written): Target | null {
  const dest = optionOf(effects, options, 'dest')
  if (dest !== null && dest !== 'unknown') {
    const folder = folderIn(effects, dest.value, dest.within)
    return folder === null ? null : { folder, place: { node: options.object, within: options.within } }
  }
  const storage = optionOf(effects, options, 'storage')
  if (storage === null || storage === 'unknown') return null
  const made = effects.origins.of(storage.value, storage.within)
  if (
    !/multer(?:\.default)?\.diskStorage\(\)$/.test(made.text) ||
    made.expression?.kind !== 'call' ||
    made.within === null
  )
    return null
  const settings = objectOf(effects, made.expression.args[0], made.within)
  if (settings === null) return null
  const filename = optionOf(effects, settings, 'filename')
  // A name without the sender's extension is served as plain bytes.
  if (filename === null || filename === 'unknown') return null
  const naming = effects.origins.of(filename.value, filename.within).function
  if (naming === null || !/originalname/.test(codeOf(naming))) return null
  const given = optionOf(effects, settings, 'destination')
  if (given === null || given === 'unknown') return null
  const folder = folderIn(effects, given.value, given.within)
  if (folder === null) return null
  return {
    folder,
    place: {
      node: /\.extname\(/.test(codeOf(naming)) ? made.expression : filename.value,
      within: made.within,
    },
  }
}

/** The constant part of a folder's path, in a text, a call of `path.join`, or a callback that is given one. */
function folderIn(effects: Effects, value: Expression, within: FunctionInfo): string | null {
  const constant = effects.program.constantOf(value, within)
  if (constant !== null) return clean(constant)
  if (value.kind === 'template') return clean(value.parts.join(''))
  const target = effects.origins.of(value, within).function
  const text = target === null ? textOf(within.module, value) : codeOf(target)
  if (/tmpdir|\/tmp\b/.test(text)) return null
  const parts = [...text.slice(0, 600).matchAll(/['"`]([\w./-]{2,80})['"`]/g)].map(
    (each) => each[1] as string,
  )
  return parts.length === 0 ? null : clean(parts.join('/'))
}

function clean(folder: string): string | null {
  const plain = folder
    .replace(/^(?:\.{0,2}\/)+|\/+$/g, '')
    .replace(/\/(?:\.{1,2}\/)+/g, '/')
    .replace(/\/{2,}/g, '/')
  return plain === '' || /^tmp\b/.test(folder.replace(/^\//, '')) ? null : plain
}

function servedFolders(effects: Effects): ReadonlySet<string> {
  const found = new Set<string>()
  for (const { node, within, api } of callsTo(
    effects,
    /static|serve/i,
    /^(?:express\.static|serve-static|koa-static|@fastify\/static|koa-mount|sirv)$|\.static$/,
  )) {
    const argument = api.endsWith('koa-mount') ? node.args[1] : node.args[0]
    const folder = argument === undefined ? null : folderIn(effects, argument, within)
    if (folder !== null) found.add(folder)
  }
  return found
}

function isServed(folder: string, served: ReadonlySet<string>): boolean {
  for (const each of served) if (folder === each || folder.startsWith(`${each}/`)) return true
  return (
    served.size > 0 &&
    /^(?:public|static|www|htdocs)\b/.test(folder) &&
    [...served].some((each) => each.startsWith(folder.split('/')[0] as string))
  )
}
