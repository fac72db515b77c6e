import type { Effects } from '../../effects/effects.ts'
import type { Rule } from '../rule.ts'
import { callsTo, constantOf, objectOf, optionOf } from './calls.ts'
import { withOption } from './edits.ts'

/** Template engines, and the option that makes their pages print values as they are when it is false. */
const ENGINES =
  /^(?:nunjucks\.(?:configure|Environment)|swig(?:-templates)?\.(?:setDefaults|init|Swig)|eta\.(?:configure|Eta)|express-nunjucks|koa-nunjucks-2|koa-views)$/
const OPTIONS = ['autoescape', 'autoEscape']
const SERVERS =
  /^(?:express|koa|fastify|hono|@hapi\/hapi|hapi|@nestjs\/core|restify|polka|@tinyhttp\/app|connect|next)$/

export const TEMPLATE_ESCAPING_OFF: Rule = {
  info: {
    id: 'misuse/template-escaping-off',
    title: 'Pages that print values as they are',
    cwe: 'CWE-79',
    tags: ['OWASP A03:2021'],
    severity: 'warning',
    help: 'Leave escaping on, and say `| safe` in the few places that print markup of your own.',
  },
  *find(effects) {
    if (!isServer(effects)) return
    for (const { node, within } of callsTo(effects, /auto_?escape/i, ENGINES))
      for (const given of node.args) {
        const options = objectOf(effects, given, within)
        if (options === null) continue
        for (const name of OPTIONS) {
          const found = optionOf(effects, options, name)
          if (found === null || found === 'unknown') continue
          if (constantOf(effects, found.value, found.within) !== false) continue
          const edit = withOption(effects, options, name, 'true')
          yield {
            module: within.module,
            span: node,
            message: 'Escaping is off for all templates: whatever a page prints becomes part of its markup.',
            ...(edit === null ? {} : { edits: [edit] }),
          }
        }
      }
  },
}

/** Templates also make code and plain text, where nothing is to be escaped. */
function isServer({ program }: Effects): boolean {
  return (
    program.packages.some(({ dependencies }) => [...dependencies].some((each) => SERVERS.test(each))) ||
    program.modules.some((each) => !each.test && /['"](?:express|koa|fastify|hono|hapi)['"]/.test(each.text))
  )
}
