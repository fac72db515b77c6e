import type { Node } from '../../flow-graph/walk.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Effects } from '../../effects/effects.ts'
import { mentions } from '../../effects/effects.ts'
import type { Rule } from '../rule.ts'

const BLOCKS =
  /^(?:(?:fs|fs-extra|graceful-fs)\.(?:readFileSync|writeFileSync|appendFileSync|copyFileSync|readdirSync|rmSync|cpSync|readJsonSync|writeJsonSync|readSync|writeSync)|child_process\.(?:execSync|execFileSync|spawnSync)|crypto\.(?:pbkdf2Sync|scryptSync|generateKeyPairSync)|zlib\.\w+Sync|(?:bcrypt|bcryptjs)\.(?:hashSync|compareSync|genSaltSync))$/

export const SYNC_IO_IN_HANDLER: Rule = {
  info: {
    id: 'performance/sync-io-in-handler',
    title: 'A request blocks the process',
    cwe: 'CWE-1322',
    tags: [],
    severity: 'warning',
    help: 'Use the variant that gives a promise (fs/promises, execFile, promisify), or do it once when the process starts: while a synchronous call runs, no other request is answered.',
  },
  *find(effects) {
    for (const within of effects.onRequestPath) {
      if (handlersOf(within, effects)) continue
      for (const { node, around } of effects.bindings.calls.get(within) ?? []) {
        if (node.kind !== 'call') continue
        const { text } = effects.origins.of(node.callee, within)
        const known = text.replace('.default.', '.')
        if (!BLOCKS.test(known) || isKept(around, within)) continue
        yield {
          module: within.module,
          span: node,
          message: `\`${known}\` blocks the whole process while a client waits.`,
        }
      }
    }
  },
}

/** Pages of a static build and hooks of the command line run without other clients. */
function handlersOf(within: FunctionInfo, effects: Effects): boolean {
  const handler = effects.answers(within)
  return handler?.by === 'page'
}

/** Done once and kept: `text ??= readFileSync(…)`, `if (cache === undefined) cache = …`. */
function isKept(around: readonly Node[], within: FunctionInfo): boolean {
  for (const each of around) {
    if (each.kind === 'assign' && (each.operator === '??=' || each.operator === '||=')) return true
    if (
      each.kind === 'assign' &&
      each.target.kind === 'name' &&
      each.target.variable?.owner.form === 'module'
    )
      return true
    if (each.kind === 'assign' && each.target.kind === 'member' && each.target.object.kind === 'this')
      return true
    if (each.kind === 'logical' && each.operator === '??') return true
    if (
      each.kind === 'if' &&
      mentions(
        each.test,
        (variable) =>
          variable.owner.form === 'module' &&
          /cache|loaded|memo|ready|initial/i.test(variable.name) &&
          variable.owner.module === within.module,
      )
    )
      return true
  }
  return false
}
