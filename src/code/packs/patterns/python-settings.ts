import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { textOf } from '../../flow-graph/module.ts'
import { walkFunction, type Node } from '../../flow-graph/walk.ts'
import {
  argument,
  constant,
  isCallers,
  named,
  option,
  spreads,
  text,
  textAround,
  type Found,
} from './python-call.ts'
import { ARCHIVE, DESERIALISED, DETAILS, INTERFACES, PERMISSIONS, TLS, UNESCAPED } from './python-rules.ts'

const IN_BETWEEN = 'Whoever is in between can pretend to be the server: its certificate is not looked at.'
const WEB =
  /\b(?:flask|django|aiohttp|fastapi|starlette|bottle|tornado|sanic|quart|cherrypy|falcon)\b|text\/html|\.html?\b/i

/** Settings that are assigned: `context.verify_mode = ssl.CERT_NONE`. */
export function judgeSetting(node: Node): Found | null {
  if (node.kind !== 'assign' || node.target.kind !== 'member') return null
  const { property } = node.target
  const { value } = node
  const named = value.kind === 'member' ? value.property : value.kind === 'name' ? value.name : null
  return (property === 'verify_mode' && named === 'CERT_NONE') ||
    (property === '_create_default_https_context' && named === '_create_unverified_context')
    ? { rule: TLS, message: IN_BETWEEN }
    : null
}

/** Files, archives, servers and templates, by the call that makes or opens them. */
export function judgeStored(call: Call, fn: FunctionInfo): Found | null {
  const { api } = call
  const method = call.callee.kind === 'member' ? call.callee.property : null
  if (method === 'format_exc' && api === 'py.traceback.format_exc' && isAnswered(call, fn))
    return { rule: DETAILS, message: 'Whoever makes it fail reads paths, code and values of the program.' }
  if (api === null) return null
  if (/^py\.os\.f?chmod$|^py\.pathlib\.[\w.()]*\.chmod$/.test(api)) return judgePermissions(call, fn)
  if (api === 'py.OpenSSL.SSL.Context' && !/\.set_verify\s*\(/.test(fn.module.text))
    return { rule: TLS, message: `${IN_BETWEEN.slice(0, -1)} unless \`set_verify\` asks for it.` }
  if (/^py\.jinja2\.(?:environment\.)?(?:sandbox\.Sandboxed)?Environment$/.test(api)) {
    const escape = option(call, 'autoescape')
    const off = escape === undefined ? !spreads(call) : constant(escape) === false
    return off && WEB.test(fn.module.text)
      ? { rule: UNESCAPED, message: 'What is put into a page can add scripts to it.' }
      : null
  }
  if (
    /^py\.tarfile\.(?:open|TarFile|TarFile\.\w+)\(\)\.(?:extractall|extract)$|^py\.shutil\.unpack_archive$/.test(
      api,
    ) &&
    option(call, 'filter') === undefined &&
    option(call, 'members') === undefined &&
    !spreads(call) &&
    !/commonpath|commonprefix|is_relative_to|realpath|abspath|resolve\(|startswith|isfile\(\)|issym|\.name\b/.test(
      textAround(fn),
    ) &&
    !/extraction_filter/.test(fn.module.text)
  )
    return {
      rule: ARCHIVE,
      message: 'A name in the archive can lead out of the folder, and a link in it to any file.',
    }
  return judgeAddress(call, api) ?? judgeObjects(call, api, fn)
}

function judgeAddress(call: Call, api: string): Found | null {
  const found = { rule: INTERFACES, message: 'Every network that the machine is on reaches the server.' }
  if (
    /^py\.socket\.(?:socket|socket\.socket)\(\)\.bind$/.test(api) ||
    /^py\.(?:socketserver|http\.server)\.\w*Server$/.test(api)
  ) {
    const [address] = call.args
    const host = address?.kind === 'array' ? constant(address.elements[0] ?? undefined) : undefined
    return host === '0.0.0.0' || host === '' || host === '::' ? found : null
  }
  return /^py\.(?:flask\.Flask\(\)|bottle|uvicorn|waitress)\.(?:run|serve)$/.test(api) &&
    /^(?:0\.0\.0\.0|::)$/.test(text(option(call, 'host')))
    ? found
    : null
}

/** Formats whose objects run code, where a caller says what is read, and the module does not write it itself. */
function judgeObjects(call: Call, api: string, fn: FunctionInfo): Found | null {
  const [, library = '', method = ''] =
    /^py\.(pickle|cPickle|_pickle|dill|cloudpickle|marshal|jsonpickle|joblib|shelve|yaml|torch|numpy|pandas)\.(\w+)$/.exec(
      api,
    ) ?? []
  if (!/^(?:loads?|Unpickler|decode|open|load_all|unsafe_load|unsafe_load_all|read_pickle)$/.test(method))
    return null
  const loader = argument(call, 1, 'Loader')
  if (library === 'yaml' && /^load(?:_all)?$/.test(method) && loader !== undefined)
    if (!/(?:^|\.)C?(?:Unsafe)?Loader$/.test(textOf(fn.module, loader))) return null
  if (library === 'torch' && constant(option(call, 'weights_only')) !== false) return null
  if (library === 'numpy' && constant(option(call, 'allow_pickle')) !== true) return null
  const [given] = call.args
  const owner = named(fn)
  if (given === undefined || !isCallers(given, fn) || owner.form === 'module' || owner.name.startsWith('_'))
    return null
  const bare = library.replace(/^c|^_/, '').toLowerCase()
  if (
    new RegExp(`\\b(?:${bare}|${library})\\.(?:dumps?|encode|save|Pickler)\\s*\\(|to_pickle\\(`, 'i').test(
      fn.module.text,
    )
  )
    return null
  return { rule: DESERIALISED, message: `Whoever wrote what \`${library}.${method}\` reads runs code here.` }
}

function judgePermissions(call: Call, fn: FunctionInfo): Found | null {
  const onPath = call.api?.startsWith('py.pathlib') === true
  const mode = argument(call, onPath ? 0 : 1, 'mode')
  if (mode === undefined) return null
  const bits = constant(mode)
  const written = textOf(fn.module, mode)
  if ((typeof bits === 'number' && (bits & 0o002) !== 0) || /\bS_(?:IWOTH|IRWXO)\b/.test(written))
    return { rule: PERMISSIONS, message: 'Every user of the machine may change the file.' }
  const runs = (typeof bits === 'number' && (bits & 0o001) !== 0) || /\bS_IXOTH\b/.test(written)
  const path = call.args[0]
  if (!runs || onPath || path === undefined) return null
  return isWritten(textOf(fn.module, path), fn)
    ? { rule: PERMISSIONS, message: 'Every user of the machine may run what a caller has written there.' }
    : null
}

/** Whether the function writes into that file what one of its parameters says. */
function isWritten(path: string, fn: FunctionInfo): boolean {
  let opened = false
  let given = false
  walkFunction(fn, (node) => {
    if (node.kind !== 'call') return
    const [first, second] = node.args
    if (node.callee.kind === 'name' && node.callee.name === 'open' && first !== undefined)
      opened ||= textOf(fn.module, first) === path && /[wax]/.test(text(second))
    if (node.callee.kind === 'member' && node.callee.property === 'write')
      given ||= first?.kind === 'name' && first.variable?.kind === 'param'
  })
  return opened && given
}

/** Whether what a call gives is part of what a request is answered with. */
function isAnswered(call: Call, fn: FunctionInfo): boolean {
  const handles =
    fn.params.some((each) => /^request\b/.test(textOf(fn.module, each))) ||
    fn.decorators.some((each) =>
      /(?:^|\.)(?:route|get|post|put|patch|delete|api_view|view)\b/.test(
        textOf(fn.module, each).slice(0, 80),
      ),
    )
  if (!handles) return false
  let answered = false
  walkFunction(fn, (node) => {
    if (node.kind === 'return' && node.value !== null) answered ||= holds(node.value, call)
  })
  return answered
}

function holds(outer: Expression, inner: Call): boolean {
  return outer.at <= inner.at && inner.end <= outer.end
}
