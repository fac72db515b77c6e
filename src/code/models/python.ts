import { ALL, type ClassName, maskOf } from './classes.ts'
import type { SinkModel } from './sinks.ts'
import type { SourceKind } from './source-kind.ts'

/** Packages of Python, and its built-in names, are known to the analysis by `py.` before their name. */
export const PYTHON = 'py.'

type Row = readonly SinkModel[]
type Table = Readonly<Record<string, Readonly<Record<string, Row>>>>

const sink = (name: ClassName, args: readonly number[], more: Partial<SinkModel> = {}): Row => [
  { class: name, args, ...more },
]
const each = (names: string, row: Row): Record<string, Row> =>
  Object.fromEntries(names.split(' ').map((name) => [name === '()' ? '' : name, row]))
const all = <T>(names: string, value: T): Record<string, T> =>
  Object.fromEntries(names.split(' ').map((name) => [name, value]))

/** A position among the arguments: what the method is called on. */
const RECEIVER = -2
const URL = ['url', 'host', 'base_url']
const COMMAND = sink('command', [0], { fields: ['args', 'cmd'] })
/** What is handed over as a list is no command, but for its program and what a shell among them is told. */
const PROGRAM: Row = [...COMMAND, { class: 'command', args: [0], when: 'program' }]
const SQL = each(
  'execute executemany executescript mogrify callproc raw extra fetch fetchrow fetchval query text read_sql read_sql_query',
  sink('sql', [0], { fields: ['sql', 'query', 'operation', 'statement'] }),
)
const PATH = sink('path', [0], { fields: ['file', 'path', 'filename'] })
const HTTP = each(
  'get post put patch delete head options request urlopen urlretrieve Request stream HTTPConnection HTTPSConnection',
  sink('ssrf', [0], { fields: URL }),
)
const DESERIALISE = sink('deserialise', [0])

/** By package, then by what follows its name or by the last member: `os` `path.join`, `sqlite3` `execute`. */
const SINKS: Table = {
  os: {
    ...each('system popen popen2 popen3 startfile', COMMAND),
    ...each(
      'execl execle execlp execv execve execvp spawnl spawnle spawnlp spawnv spawnve spawnvp',
      sink('command', [0, 1]),
    ),
    ...each('open remove unlink rmdir removedirs mkdir makedirs listdir scandir stat chmod chown walk', PATH),
    ...each('rename replace link symlink', sink('path', [0, 1])),
    ...each('path.exists path.isfile path.isdir path.getsize path.getmtime', PATH),
  },
  subprocess: each('call run Popen check_output check_call getoutput getstatusoutput', PROGRAM),
  commands: each('getoutput getstatusoutput', COMMAND),
  asyncio: each('create_subprocess_shell create_subprocess_exec', COMMAND),
  paramiko: each('exec_command', COMMAND),
  eval: each('()', sink('code', [0])),
  exec: each('()', sink('code', [0])),
  compile: each('()', sink('code', [0])),
  __import__: each('()', sink('code', [0])),
  importlib: each('import_module', sink('code', [0])),
  open: each('()', [...PATH, { class: 'upload', args: [0] }]),
  io: each('open', PATH),
  codecs: each('open', PATH),
  pathlib: each(
    'open read_text read_bytes write_text write_bytes unlink mkdir rmdir touch iterdir exists is_file is_dir stat rename replace',
    sink('path', [RECEIVER]),
  ),
  shutil: each('copy copyfile copy2 copytree move rmtree', sink('path', [0, 1])),
  aiofiles: each('open', PATH),
  pickle: each('load loads Unpickler', DESERIALISE),
  cPickle: each('load loads', DESERIALISE),
  dill: each('load loads', DESERIALISE),
  marshal: each('load loads', DESERIALISE),
  jsonpickle: each('decode', DESERIALISE),
  shelve: each('open', DESERIALISE),
  yaml: {
    ...each('load load_all', sink('deserialise', [0], { when: 'loader' })),
    ...each('unsafe_load unsafe_load_all full_load', DESERIALISE),
  },
  ...all(
    'sqlite3 psycopg2 psycopg MySQLdb pymysql mysql asyncpg aiosqlite cx_Oracle oracledb pyodbc pymssql sqlalchemy flask_sqlalchemy peewee databases pandas',
    SQL,
  ),
  django: {
    ...each('execute executemany raw extra RawSQL', sink('sql', [0])),
    ...each('HttpResponse HttpResponseBadRequest HttpResponseNotFound', sink('xss', [0], { when: 'page' })),
    ...each('mark_safe SafeString SafeText', sink('xss', [0])),
    ...each('HttpResponseRedirect HttpResponsePermanentRedirect redirect', sink('redirect', [0])),
  },
  flask: {
    ...each(
      'Flask().logger.debug Flask().logger.info Flask().logger.warning Flask().logger.error current_app.logger.debug current_app.logger.info current_app.logger.warning current_app.logger.error',
      sink('log', [-1]),
    ),
    ...each('render_template_string', sink('template', [0])),
    ...each('make_response Response', sink('xss', [0], { when: 'page' })),
    Markup: sink('xss', [0]),
    redirect: sink('redirect', [0]),
    ...each('send_file', PATH),
    // What was uploaded, by the name that it is given here.
    save: [...PATH, { class: 'upload', args: [0] }],
    ...each('session.update session.setdefault', sink('trust', [0, 1], { deep: true })),
  },
  markupsafe: each('Markup', sink('xss', [0])),
  ...all('fastapi starlette', {
    ...each('responses.HTMLResponse HTMLResponse', sink('xss', [0], { fields: ['content'] })),
    ...each('responses.RedirectResponse RedirectResponse', sink('redirect', [0], { fields: ['url'] })),
    ...each('responses.FileResponse FileResponse', PATH),
  }),
  jinja2: each('Template from_string', sink('template', [0])),
  mako: each('Template template.Template', sink('template', [0])),
  ...all('requests httpx aiohttp urllib urllib2 urllib3', HTTP),
  http: { ...HTTP, write: sink('xss', [0], { when: 'markup' }) },
  ...all('ldap ldap3', {
    ...each('search_s search_ext_s search_st', sink('ldap', [2])),
    ...each('search search_ext', sink('ldap', [1, 2], { fields: ['search_filter', 'filterstr'] })),
  }),
  pymongo: each(
    'find find_one find_one_and_update find_one_and_delete find_one_and_replace update_one update_many delete_one delete_many count_documents aggregate',
    sink('nosql', [0, 1], { deep: true }),
  ),
  lxml: {
    ...each('xpath XPath find findall findtext iterfind', sink('xpath', [0])),
    ...each(
      'fromstring parse XML HTML iterparse fromstringlist',
      sink('xml', [0], { when: 'external-entities' }),
    ),
  },
  xml: {
    ...each('find findall findtext iterfind', sink('xpath', [0])),
    ...each(
      'dom.minidom.parseString dom.minidom.parse dom.pulldom.parse dom.pulldom.parseString',
      sink('xml', [0], { when: 'external-entities' }),
    ),
    ...each(
      'sax.make_parser().parse sax.make_parser().feed',
      sink('xml', [0], { when: 'external-entities' }),
    ),
  },
  ...all('logging loguru', each('debug info warning warn error critical exception log', sink('log', [-1]))),
  elementpath: each('select iter_select', sink('xpath', [1])),
  re: {
    ...each('compile match search fullmatch findall finditer sub split', sink('pattern', [0])),
    // What is searched in is no expression.
    ...Object.fromEntries(
      'match search fullmatch findall finditer sub split'.split(' ').map((name) => [`compile().${name}`, []]),
    ),
  },
}

/** Methods of what we do not know, and what its name must look like. */
const BY_METHOD: Readonly<Record<string, { readonly receiver: RegExp; readonly row: Row }>> = {
  ...all('execute executemany executescript', {
    receiver: /(?:^|[._])(?:\w*(?:cur|cursor|crsr|conn|connection|db|database|session|engine)|c)(?:\(\))?$/i,
    row: sink('sql', [0]),
  }),
  raw: { receiver: /\.objects$/, row: sink('sql', [0]) },
  extra: { receiver: /\.objects(?:\.\w+\(.*\))*$/, row: sink('sql', [0], { fields: ['where', 'select'] }) },
  xpath: { receiver: /./, row: sink('xpath', [0]) },
  search: { receiver: /(?:conn|ldap|connection|\bl)$/i, row: sink('ldap', [1, 2]) },
}

export function pythonSinks(name: string, method: string, chain: string): Row {
  const table = own(SINKS, name.slice(PYTHON.length))
  return (
    own(table, chain.replace(/^\./, '')) ??
    (method === '' && chain !== '' ? undefined : own(table, method)) ??
    []
  )
}

export function pythonSinksByMethod(method: string, receiver: string): Row {
  const known = own(BY_METHOD, method)
  return known !== undefined && known.receiver.test(receiver) ? known.row : []
}

const TEXT = maskOf(['xss'])
const QUOTED = maskOf(['xss', 'quote'])
const SAFE: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  ...all('int float bool len hash id ord isinstance hasattr round abs sum range complex', { '': ALL }),
  html: { escape: QUOTED },
  cgi: { escape: TEXT },
  markupsafe: { escape: QUOTED },
  bleach: { clean: TEXT },
  django: { 'utils.html.escape': QUOTED, escape: QUOTED, conditional_escape: QUOTED },
  flask: { escape: QUOTED },
  shlex: { quote: maskOf(['command']) },
  pipes: { quote: maskOf(['command']) },
  os: {
    'path.basename': maskOf(['path', 'zip']),
    'path.exists': ALL,
    'path.isfile': ALL,
    'path.getsize': ALL,
  },
  werkzeug: { 'utils.secure_filename': maskOf(['path', 'zip']), secure_filename: maskOf(['path', 'zip']) },
  urllib: {
    'parse.quote': maskOf(['xss', 'ssrf', 'redirect', 'path']),
    'parse.quote_plus': maskOf(['xss', 'ssrf', 'redirect', 'path']),
    'parse.urlencode': maskOf(['xss', 'ssrf', 'redirect']),
  },
  re: { escape: maskOf(['pattern', 'redos']) },
  ldap: { 'filter.escape_filter_chars': maskOf(['ldap']), escape_filter_chars: maskOf(['ldap']) },
  ldap3: { 'utils.conv.escape_filter_chars': maskOf(['ldap']), escape_filter_chars: maskOf(['ldap']) },
  uuid: { UUID: ALL },
  hashlib: all('md5 sha1 sha256 sha512 new', ALL),
  json: { dumps: maskOf(['nosql']) },
}

export function pythonCleared(name: string, method: string, chain: string): number {
  const table = own(SAFE, name.slice(PYTHON.length))
  return own(table, chain.replace(/^\./, '')) ?? own(table, method) ?? 0
}

/** Packages whose results are not their arguments. */
export const PYTHON_NO_FLOW = new Set(
  'subprocess sqlite3 psycopg2 psycopg pymysql requests httpx hashlib random secrets logging print open flask django'.split(
    ' ',
  ),
)

/** What such a result is put into, or is put together with, once it is a text. */
export const PYTHON_TEXT_METHOD = /\(\)\.(?:replace|format|join)$/

export interface PythonSource {
  readonly kind: SourceKind
  readonly what: string
}

const FLASK_REQUEST =
  /^\.request\.(?:(args|values|query_string)|(form|json|data|get_json|get_data|stream)|(headers|user_agent|referrer)|(cookies)|(files)|(?:path|full_path|url|base_url|view_args|host|remote_user))(?:\(\))?$/

/** What reading a member of a package, or calling it, gives from outside; null when it gives nothing so. */
export function pythonSource(name: string, chain: string): PythonSource | null {
  switch (name.slice(PYTHON.length)) {
    case 'flask':
    case 'bottle':
    case 'quart': {
      const found = FLASK_REQUEST.exec(chain)
      if (found === null) return null
      const [, query, body, headers, cookies, files] = found
      if (files !== undefined) return { kind: 'request', what: 'the uploaded files' }
      return request(
        query !== undefined
          ? 'query'
          : body !== undefined
            ? 'body'
            : headers !== undefined
              ? 'headers'
              : cookies !== undefined
                ? 'cookies'
                : 'URL',
      )
    }
    case 'http':
    case 'BaseHTTPServer':
    case 'SimpleHTTPServer':
    case 'tornado':
      return handlerSource(chain)
    case 'django':
    case 'rest_framework':
      return viewSource(chain)
    case 'socket':
    case 'socketserver':
      return /\.(?:recv|recvfrom|recvmsg|rfile\.read|rfile\.readline)\(\)$/.test(chain)
        ? { kind: 'message', what: 'what the other end sent' }
        : null
    case 'streamlit':
      return /\.(?:text_input|text_area|chat_input)\(\)$|^\.query_params$/.test(chain)
        ? { kind: 'request', what: 'what a visitor typed' }
        : null
    case 'sys':
      return chain === '.argv' ? { kind: 'argument', what: "the program's arguments" } : null
    case 'input':
    case 'raw_input':
      return chain === '()' ? { kind: 'argument', what: 'what a person typed' } : null
    case 'openai':
    case 'anthropic':
      return /\.(?:create|parse|stream)\(\)$/.test(chain)
        ? { kind: 'model', what: 'what a model answered' }
        : null
    default:
      return null
  }
}

/** What the handlers of Python's own server and of Tornado have of a request. */
function handlerSource(chain: string): PythonSource | null {
  const [, member = ''] = /RequestHandler\(\)\.(.*)$/.exec(chain) ?? []
  if (/^(?:path|requestline|request\.(?:uri|path|full_url\(\)))$/.test(member)) return request('URL')
  if (/^(?:headers|request\.headers)$/.test(member)) return request('headers')
  if (/^(?:get_cookie\(\)|cookies|request\.cookies)$/.test(member)) return request('cookies')
  if (/^(?:rfile\.read(?:line|1)?\(\)|request\.(?:body|files))$/.test(member)) return request('body')
  return /^(?:get_(?:query_|body_)?arguments?\(\)|request\.(?:query|arguments|query_arguments|body_arguments))$/.test(
    member,
  )
    ? request('query')
    : null
}

/** What views that are classes have of a request: `self.request.GET`, `self.kwargs`. */
function viewSource(chain: string): PythonSource | null {
  const [, member = ''] = /(?:View|ViewSet|Mixin)\(\)\.(.*)$/.exec(chain) ?? []
  if (member === 'kwargs') return request('path parameters')
  const [, part = ''] = /^request\.(\w+)$/.exec(member) ?? []
  const known = own(PYTHON_REQUEST_PARTS, part)
  return known === undefined ? null : { kind: 'request', what: known }
}

/** Members of the request that Django, Starlette, aiohttp and others hand to views, as `#pyrequest`. */
export const PYTHON_REQUEST_PARTS: Readonly<Record<string, string>> = {
  ...all('GET query_params query args rel_url', "the request's query"),
  ...all('POST body data form json read text post', "the request's body"),
  ...all('FILES files', 'the uploaded files'),
  ...all('headers META', "the request's headers"),
  ...all('COOKIES cookies', "the request's cookies"),
  ...all('path path_info path_params match_info url get_full_path build_absolute_uri', "the request's URL"),
}

export function request(part: string): PythonSource {
  return { kind: 'request', what: `the request's ${part}` }
}

function own<T>(table: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined
}
