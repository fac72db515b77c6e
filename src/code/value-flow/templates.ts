import type { Span } from '../flow-graph/expressions.ts'
import { lineStartsOf, type Module } from '../flow-graph/module.ts'
import { project } from './labels.ts'
import type { Run } from './run.ts'
import { dangerous } from './sink-hits.ts'
import { type Value, valueOf } from './value.ts'

/** A place of a template that prints a value as it is, without escaping it. */
interface Printed {
  /** What of the data is printed; elements of lists are `*`. */
  readonly path: readonly string[]
  readonly span: Span
}

interface Template {
  readonly path: string
  readonly text: string
  readonly printed: readonly Printed[]
}

const NAME = '[A-Za-z_$][\\w$]*(?:\\.[A-Za-z_$][\\w$]*|\\[[^\\]\\s]{1,40}\\]){0,5}'
/** What prints without escaping, by the ending of the template's name. */
const RAW: readonly (readonly [ending: RegExp, printed: RegExp])[] = [
  [/\.ejs$/, new RegExp(`<%-\\s*(${NAME})\\s*[-_]?%>`, 'g')],
  [/\.(?:hbs|handlebars|mustache)$/, new RegExp(`\\{\\{(?:\\{|&)\\s*(?:this\\.)?(${NAME})\\s*\\}`, 'g')],
  [/\.(?:njk|swig|html)$/, new RegExp(`\\{\\{-?\\s*(${NAME})\\s*\\|\\s*(?:safe|raw)\\b`, 'g')],
  [/\.(?:pug|jade)$/, new RegExp(`!\\{(${NAME})\\}|!=\\s*(${NAME})\\s*$`, 'gm')],
]
const PRINTED_LIMIT = 200
const DEPTH = 3

/** Templates of a program, by the end of their path: views are named relative to a folder that is set somewhere. */
export class Templates {
  readonly #byName = new Map<string, Template | null>()
  readonly #texts: readonly (readonly [string, string])[]
  readonly #modules = new Map<Template, Module>()

  constructor(texts: ReadonlyMap<string, string>) {
    this.#texts = [...texts].filter(([path]) => RAW.some(([ending]) => ending.test(path)))
  }

  named(name: string): Template | null {
    let known = this.#byName.get(name)
    if (known === undefined) this.#byName.set(name, (known = this.#find(name)))
    return known
  }

  #find(name: string): Template | null {
    const wanted = `/${name.replace(/^[./]+/, '')}`
    const found = this.#texts.filter(
      ([path]) => `/${path}`.endsWith(wanted) || `/${path}`.replace(/\.\w+$/, '').endsWith(wanted),
    )
    const [only] = found
    return only === undefined || found.length > 1 ? null : readTemplate(...only)
  }

  /** A template as the file that a finding lies in. */
  fileOf(template: Template, beside: Module): Module {
    let known = this.#modules.get(template)
    if (known === undefined) {
      const { path, text } = template
      known = { ...beside, path, text, lineStarts: lineStartsOf(text), functions: [], comments: [] }
      this.#modules.set(template, known)
    }
    return known
  }
}

function readTemplate(path: string, text: string): Template {
  const printed: Printed[] = []
  for (const [ending, raw] of RAW)
    if (ending.test(path))
      for (const match of text.matchAll(raw)) {
        if (printed.length >= PRINTED_LIMIT) break
        const name = (match[1] ?? match[2] ?? '').replace(/\[[^\]]*\]/g, '.*')
        const fields = name.split('.').slice(0, DEPTH)
        printed.push({ path: fields, span: { at: match.index, end: match.index + match[0].length } })
      }
  return { path, text, printed }
}

/** `res.render('view', { name })`, where the view prints `name` as it is. */
export function checkRendered(run: Run, args: readonly Value[]): void {
  const [name, data] = args
  if (typeof name?.constant !== 'string' || data === undefined) return
  const { templates } = run.analysis
  const template = templates.named(name.constant)
  for (const { path, span } of template?.printed ?? [])
    dangerous(run, [valueOf(project(run.analysis, data, path))], {
      class: 'xss',
      module: templates.fileOf(template as Template, run.module),
      span,
      sink: `the template ${name.constant}`,
    })
}
