import type { ClassName } from './classes.ts'
import { MONGO, REDIS } from './stores.ts'

/** Where values of some class do harm, as an argument of a call. */
export interface SinkModel {
  readonly class: ClassName
  /** Positions of the dangerous arguments; -1: all of them; -2: what the method is called on. */
  readonly args: readonly number[]
  /** Fields of an argument that is an object; without, the argument itself (and all of its fields for `deep`). */
  readonly fields?: readonly string[]
  readonly deep?: boolean
  /** What the value must be dangerous for, when that is not the class of the rule. */
  readonly need?: ClassName
  /** It names the program that is run, without a shell: who starts ours may name one anyway. */
  readonly program?: boolean
  /**
   * When it is dangerous at all: with `shell: true` among the options, after `sh -c`, as part of markup, or only
   * when the argument is an object or a text that was put together.
   */
  readonly when?:
    | 'shell'
    | 'dash-c'
    | 'markup'
    | 'built'
    | 'instructions'
    | 'log-file'
    | 'printed'
    | 'text'
    | 'record'
    | 'no-root'
    | 'unsafe-loader'
    | 'as-it-came'
    /** As it came, and from nowhere but the function itself. */
    | 'straight'
    | 'entities'
    | 'loader'
    | 'text-timer'
    | 'program'
    | 'external-entities'
    /** What lies in the fields alone, not the object that has them. */
    | 'fields'
    /** The first of a list: it names what is done. */
    | 'first'
    /** A filter of MongoDB's kind: what has `where` in it is another database's. */
    | 'filter'
    /** Unless another argument says that it is no page: `mimetype='application/json'`. */
    | 'page'
}

export type Row = SinkModel | readonly SinkModel[]
type Table = Readonly<Record<string, Readonly<Record<string, Row>>>>

export const sql = (...args: number[]): SinkModel => ({
  class: 'sql',
  args,
  fields: ['sql', 'text', 'query', 'statement'],
})
export const path = (...args: number[]): SinkModel => ({ class: 'path', args })
const code = (...args: number[]): SinkModel => ({ class: 'code', args })
const command = (...args: number[]): SinkModel => ({ class: 'command', args })
export const ssrf = (...args: number[]): SinkModel => ({
  class: 'ssrf',
  args,
  fields: ['url', 'uri', 'baseURL', 'host', 'hostname', 'prefixUrl', 'href'],
})
export const nosql = (...args: number[]): SinkModel => ({ class: 'nosql', args, deep: true })
export const template = (...args: number[]): SinkModel => ({ class: 'template', args })
const instructions: SinkModel = { class: 'prompt', args: [0], when: 'instructions' }
const log: SinkModel = { class: 'log', args: [-1], when: 'printed' }
/** A file under a name of the sender's choosing. */
const written = (...args: number[]): readonly SinkModel[] => [
  path(...args),
  { class: 'upload', args: [args.at(-1) ?? 0] },
]
/** A record that takes an untrusted object as it came. */
export const mass = (...args: number[]): SinkModel => ({
  class: 'mass',
  args,
  fields: ['data'],
  when: 'as-it-came',
})
export const xss = (...args: number[]): SinkModel => ({ class: 'xss', args })

function each(names: string, row: Row): Record<string, Row> {
  return Object.fromEntries(names.split(' ').map((name) => [name === '()' ? '' : name, row]))
}

const SPAWN: Row = [
  { ...command(0), program: true },
  { class: 'command', args: [1], deep: true, when: 'shell' },
  { class: 'command', args: [1], deep: true, when: 'dash-c' },
]
const CHILD: Readonly<Record<string, Row>> = {
  ...each('exec execSync execAsync', command(0)),
  ...each('spawn spawnSync execFile execFileSync fork', SPAWN),
}
const FILES: Readonly<Record<string, Row>> = {
  ...each('writeFile writeFileSync createWriteStream outputFile', written(0)),
  ...each('appendFile appendFileSync', [...written(0), { class: 'log', args: [1], when: 'log-file' }]),
  ...each(
    'readFile readFileSync createReadStream open openSync openAsBlob unlink unlinkSync rm rmSync rmdir rmdirSync mkdir mkdirSync readdir readdirSync opendir stat statSync lstat lstatSync access accessSync exists existsSync chmod chmodSync chown truncate watch watchFile readJson readJsonSync readJSON writeJson writeJSON outputJson remove removeSync emptyDir ensureDir ensureFile mkdirp mkdirs pathExists',
    path(0),
  ),
  ...each(
    'copyFile copyFileSync rename renameSync link symlink symlinkSync cp cpSync copy copySync move moveSync',
    written(0, 1),
  ),
}
const HTTP_CLIENT: Readonly<Record<string, Row>> = each(
  '() get post put patch delete del head options request stream json text buffer getAsync fetch postForm',
  ssrf(0),
)

export const SINKS: Table = {
  child_process: CHILD,
  soap: each('createClient createClientAsync', ssrf(0)),
  'cross-spawn': each('() spawn sync', SPAWN),
  execa: {
    ...each('() execa sync execaSync', SPAWN),
    ...each('command commandSync execaCommand execaCommandSync shell shellSync', command(0)),
  },
  shelljs: each('exec', command(0)),
  'exec-sync': each('()', command(0)),
  execSync: each('()', command(0)),
  'sync-exec': each('()', command(0)),
  'exec-promise': each('()', command(0)),
  'node-cmd': each('run get runSync', command(0)),
  'ssh2-exec': each('()', command(1)),
  'simple-git': each('raw', command(0)),
  ssh2: each('exec', command(0)),
  'node-ssh': each('execCommand exec', command(0)),
  'node-pty': each('spawn', SPAWN),
  vm: each('runInThisContext runInNewContext runInContext Script compileFunction', code(0)),
  vm2: each('run', code(0)),
  'safe-eval': each('()', code(0)),
  'static-eval': each('()', code(0)),
  'node-eval': each('()', code(0)),
  eval: each('()', code(0)),
  Function: each('()', { class: 'code', args: [-1] }),
  AsyncFunction: each('()', { class: 'code', args: [-1] }),
  setTimeout: each('()', { class: 'code', args: [0], when: 'text-timer' }),
  setInterval: each('()', { class: 'code', args: [0], when: 'text-timer' }),
  mathjs: each('evaluate eval parse', code(0)),
  'expr-eval': each('evaluate', code(0)),
  module: each('_compile', code(0)),
  require: each('()', { class: 'path', args: [0] }),
  fs: FILES,
  'fs.promises': FILES,
  'fs-extra': FILES,
  'graceful-fs': FILES,
  'mz/fs': FILES,
  mkdirp: each('() sync', path(0)),
  rimraf: each('() sync rimraf rimrafSync native', path(0)),
  del: each('()', path(0)),
  glob: each('() sync glob globSync', path(0)),
  send: each('()', { class: 'path', args: [1], when: 'no-root' }),
  'koa-send': each('()', { class: 'path', args: [1], when: 'no-root' }),
  Bun: {
    ...each('file write', path(0)),
    ...each('spawn spawnSync', [
      { ...command(0), when: 'first', program: true },
      { class: 'command', args: [0], when: 'program' },
    ]),
  },
  Deno: {
    ...each('readFile readTextFile writeFile writeTextFile open remove', path(0)),
    ...each('Command run', SPAWN),
  },
  pg: each('query', sql(0)),
  'pg-promise': each('query any one none many oneOrNone manyOrNone result multi each', sql(0)),
  postgres: each('unsafe', sql(0)),
  slonik: each('unsafe', sql(0)),
  mysql: each('query execute', sql(0)),
  mysql2: each('query execute', sql(0)),
  'mysql2/promise': each('query execute', sql(0)),
  mariadb: each('query execute batch', sql(0)),
  sqlite3: each('run get all each exec prepare', sql(0)),
  sqlite: each('run get all each exec prepare', sql(0)),
  'better-sqlite3': each('prepare exec pragma', sql(0)),
  'node:sqlite': each('prepare exec', sql(0)),
  mssql: each('query batch', sql(0)),
  tedious: each('Request', sql(0)),
  oracledb: each('execute', sql(0)),
  '@google-cloud/bigquery': each('query createQueryJob', sql(0)),
  '@neondatabase/serverless': each('query unsafe', sql(0)),
  '@planetscale/database': each('execute', sql(0)),
  '@libsql/client': each('execute batch executeMultiple', sql(0)),
  '@vercel/postgres': each('query', sql(0)),
  knex: each(
    'raw whereRaw havingRaw orderByRaw groupByRaw joinRaw fromRaw selectRaw andWhereRaw orWhereRaw',
    sql(0),
  ),
  sequelize: each('query literal', sql(0)),
  'sequelize-typescript': each('query literal', sql(0)),
  typeorm: {
    ...each(
      'query where andWhere orWhere having orderBy addOrderBy select addSelect groupBy leftJoin innerJoin',
      sql(0),
    ),
  },
  kysely: each('raw', sql(0)),
  'drizzle-orm': each('raw', sql(0)),
  objection: each('raw whereRaw', sql(0)),
  '@prisma/client': {
    ...each('$queryRawUnsafe $executeRawUnsafe raw', sql(0)),
    ...each('create createMany update updateMany upsert', mass(0)),
  },
  'snowflake-sdk': each('execute', { class: 'sql', args: [0], fields: ['sqlText'] }),
  ...Object.fromEntries(
    ['@clickhouse/client', 'cassandra-driver', 'neo4j-driver'].map((name) => [
      name,
      each('query command exec execute batch run', sql(0)),
    ]),
  ),
  mongodb: MONGO,
  mongoose: { ...MONGO, '()': mass(0) },
  monk: MONGO,
  mongojs: MONGO,
  redis: REDIS,
  '@redis/client': REDIS,
  ioredis: REDIS,
  'mongo-sanitize': {},
  ldapjs: {
    search: [
      { class: 'ldap', args: [0] },
      { class: 'ldap', args: [1], fields: ['filter'] },
    ],
  },
  ldapts: {
    search: [
      { class: 'ldap', args: [0] },
      { class: 'ldap', args: [1], fields: ['filter'] },
    ],
  },
  xpath: each('select select1 evaluate parse', { class: 'xpath', args: [0] }),
  'xpath.js': each('()', { class: 'xpath', args: [1] }),
  document: { write: xss(-1), writeln: xss(-1), evaluate: { class: 'xpath', args: [0] } },
  ejs: { ...each('render compile', template(0)), renderFile: path(0) },
  pug: { ...each('render compile compileClient', template(0)), ...each('renderFile compileFile', path(0)) },
  jade: each('render compile', template(0)),
  handlebars: each('compile precompile', template(0)),
  hbs: each('compile', template(0)),
  nunjucks: each('renderString compile', template(0)),
  mustache: each('render', { class: 'template', args: [0], when: 'built' }),
  doT: each('template compile', template(0)),
  dot: each('template compile', template(0)),
  underscore: each('template', template(0)),
  'lodash.template': each('()', template(0)),
  eta: each('render renderString renderStringAsync compile', template(0)),
  swig: each('render compile', template(0)),
  liquidjs: each('parseAndRender parse', template(0)),
  request: HTTP_CLIENT,
  'request-promise': HTTP_CLIENT,
  'request-promise-native': HTTP_CLIENT,
  axios: HTTP_CLIENT,
  got: HTTP_CLIENT,
  ky: HTTP_CLIENT,
  needle: { ...HTTP_CLIENT, '': ssrf(0, 1) },
  superagent: HTTP_CLIENT,
  'node-fetch': HTTP_CLIENT,
  'cross-fetch': HTTP_CLIENT,
  'isomorphic-fetch': HTTP_CLIENT,
  undici: { ...HTTP_CLIENT, ...each('connect', ssrf(0)) },
  bent: HTTP_CLIENT,
  wreck: HTTP_CLIENT,
  fetch: each('()', ssrf(0)),
  http: each('get request', ssrf(0)),
  https: each('get request', ssrf(0)),
  http2: each('connect', ssrf(0)),
  net: each('connect createConnection Socket', { class: 'ssrf', args: [0, 1], fields: ['host', 'port'] }),
  tls: each('connect', { class: 'ssrf', args: [0, 1], fields: ['host', 'port'] }),
  puppeteer: each('goto', ssrf(0)),
  'puppeteer-core': each('goto', ssrf(0)),
  playwright: each('goto', ssrf(0)),
  'playwright-core': each('goto', ssrf(0)),
  'chrome-remote-interface': each('navigate', { class: 'ssrf', args: [0], fields: ['url'] }),
  jsdom: each('fromURL', ssrf(0)),
  ai: each('generateText streamText generateObject streamObject Agent ToolLoopAgent', instructions),
  openai: each('create stream parse', instructions),
  '@anthropic-ai/sdk': each('create stream', instructions),
  '@google/genai': each('generateContent generateContentStream create', instructions),
  '@google/generative-ai': each('getGenerativeModel startChat generateContent', instructions),
  '@openai/agents': each('Agent', instructions),
  '@mistralai/mistralai': each('complete stream', instructions),
  'groq-sdk': each('create', instructions),
  'cohere-ai': each('chat chatStream', instructions),
  ollama: each('chat generate', instructions),
  '@langchain/core': each('SystemMessage fromMessages fromTemplate', {
    class: 'prompt',
    args: [0],
    when: 'instructions',
  }),
  '@langchain/core/messages': each('SystemMessage', { class: 'prompt', args: [0] }),
  '@langchain/core/prompts': each('fromMessages', instructions),
  '@langchain/openai': each('invoke stream', instructions),
  '@langchain/anthropic': each('invoke stream', instructions),
  langchain: each('SystemMessage', { class: 'prompt', args: [0] }),
  console: each('log info warn error debug trace', log),
  Object: each('assign', { class: 'mass', args: [1, 2], when: 'record' }),
  lodash: {
    ...each('template', template(0)),
    ...each('assign extend merge', { class: 'mass', args: [1, 2], when: 'record' }),
  },
  'node-serialize': each('unserialize', { class: 'deserialise', args: [0] }),
  'serialize-to-js': each('deserialize', { class: 'deserialise', args: [0] }),
  funcster: each('deepDeserialize', { class: 'deserialise', args: [0] }),
  cryo: each('parse', { class: 'deserialise', args: [0] }),
  v8: each('deserialize', { class: 'deserialise', args: [0] }),
  'js-yaml': each('load loadAll', { class: 'deserialise', args: [0], when: 'unsafe-loader' }),
  libxmljs: each('parseXml parseXmlString parseXmlAsync fromXml', {
    class: 'xml',
    args: [0],
    when: 'entities',
  }),
  libxmljs2: each('parseXml parseXmlString parseXmlAsync', { class: 'xml', args: [0], when: 'entities' }),
  'node-expat': each('write parse', { class: 'xml', args: [0] }),
  RegExp: each('()', { class: 'pattern', args: [0] }),
  'lodash.set': each('()', { class: 'protokey', args: [1] }),
  'object-path': each('set', { class: 'protokey', args: [1] }),
  'dot-prop': each('set', { class: 'protokey', args: [1] }),
  '#response': {
    // Objects and lists are sent as JSON.
    send: { ...xss(0), when: 'text' },
    html: xss(0),
    ...each('write end', { class: 'xss', args: [0], when: 'markup' }),
    redirect: { class: 'redirect', args: [0, 1] },
    location: { class: 'redirect', args: [0] },
    ...each('sendFile sendfile download', { class: 'path', args: [0], when: 'no-root' }),
    // Engines take settings from among the values: layouts, delimiters, names of functions.
    render: [path(0), { class: 'template', args: [1], when: 'straight' }],
    ...each('setHeader header set append', { class: 'header', args: [0] }),
  },
  '#context': {
    redirect: { class: 'redirect', args: [0] },
    html: xss(0),
    render: path(0),
  },
  'next/navigation': each('redirect permanentRedirect push replace', { class: 'redirect', args: [0] }),
  '#h3': { sendRedirect: { class: 'redirect', args: [1] } },
  h3: { sendRedirect: { class: 'redirect', args: [1] } },
  NextResponse: each('redirect', { class: 'redirect', args: [0] }),
  'next/server': each('redirect', { class: 'redirect', args: [0] }),
  location: each('assign replace', { class: 'redirect', args: [0] }),
  jquery: {
    ...each('html append prepend after before wrap replaceWith appendTo', xss(0)),
    '': { class: 'xss', args: [0], when: 'markup' },
    ...each('globalEval', code(0)),
    ...each('parseHTML', xss(0)),
  },
  Response: {
    ...each('redirect', { class: 'redirect', args: [0] }),
    '': { class: 'xss', args: [0], when: 'markup' },
  },
}

const NONE: readonly SinkModel[] = []

/** Sinks of a call by the package that it leads to. */
export function sinksOf(name: string, method: string, chain: string): readonly SinkModel[] {
  // What a prepared statement is run with are values.
  if (chain.includes('.prepare()')) return NONE
  const row = own(own(SINKS, name === 'fs' && chain.startsWith('.promises.') ? 'fs.promises' : name), method)
  return row === undefined ? NONE : rowOf(row)
}

export function rowOf(row: Row): readonly SinkModel[] {
  return Array.isArray(row) ? (row as readonly SinkModel[]) : [row as SinkModel]
}

/** Classes by the property that is written, on any object. */
export const WRITTEN: Readonly<Record<string, ClassName>> = {
  innerHTML: 'xss',
  outerHTML: 'xss',
  srcdoc: 'xss',
}

export function own<T>(table: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined
}
