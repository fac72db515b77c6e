import { ALL, CLASS, type ClassName, maskOf, TEXTUAL } from './classes.ts'
import { own } from './sinks.ts'

const C = CLASS

type Table = Readonly<Record<string, Readonly<Record<string, number>>>>

function each(names: string, mask: number): Record<string, number> {
  return Object.fromEntries(names.split(' ').map((name) => [name === '()' ? '' : name, mask]))
}

const HTML = maskOf(['xss'])
const SQL = maskOf(['sql'])
const SHELL = maskOf(['command'])
const URL_PART = maskOf(['xss', 'redirect', 'ssrf', 'path', 'header', 'log'])
const ID = TEXTUAL
const PROTOTYPES = maskOf(['protokey', 'ctorkey', 'protobase'])

/** What calls make safe, by package and method: classes that their result is no longer dangerous for. */
const SANITISERS: Table = {
  encodeURIComponent: each('()', URL_PART | SHELL | C.header),
  encodeURI: each('()', C.xss | C.header),
  escape: each('()', HTML | C.header),
  parseInt: each('()', ALL),
  parseFloat: each('()', ALL),
  Number: each('() parseInt parseFloat isInteger isFinite isNaN', ALL),
  BigInt: each('()', ALL),
  Boolean: each('()', ALL),
  Math: each('abs ceil floor max min round trunc sqrt pow random', ALL),
  Date: each('() now parse', ALL),
  isNaN: each('()', ALL),
  isFinite: each('()', ALL),
  Symbol: each('()', ALL),
  Array: each('isArray', ALL),
  String: each('()', C.nosql | C.mass | C.protobase),
  path: {
    ...each('basename', C.path | C.zip),
    ...each('extname', C.path | C.zip | C.upload),
    ...each('isAbsolute', ALL),
  },
  'path.posix': each('basename', C.path | C.zip),
  crypto: each(
    'createHash createHmac randomBytes randomUUID pbkdf2 pbkdf2Sync scrypt scryptSync digest hash timingSafeEqual',
    ALL,
  ),
  bcrypt: each('hash hashSync compare compareSync', ALL),
  bcryptjs: each('hash hashSync compare compareSync', ALL),
  argon2: each('hash verify', ALL),
  md5: each('()', ALL),
  sha1: each('()', ALL),
  uuid: each('v1 v4 v5 v7 validate', ALL),
  mysql: { ...each('escape escapeId format', SQL) },
  mysql2: { ...each('escape escapeId format', SQL) },
  sqlstring: { ...each('escape escapeId format', SQL) },
  'pg-escape': each('() literal ident string', SQL),
  'pg-format': each('() literal ident string', SQL),
  pg: each('escapeLiteral escapeIdentifier', SQL),
  'shell-quote': each('quote', SHELL),
  'shell-escape': each('()', SHELL),
  'any-shell-escape': each('()', SHELL),
  shellescape: each('()', SHELL),
  puka: each('quoteForShell sh', SHELL),
  'escape-html': each('()', HTML),
  'html-escaper': each('escape', HTML),
  'lodash.escape': each('()', HTML),
  lodash: {
    ...each('escape', HTML),
    ...each('escapeRegExp', C.pattern | C.redos),
    ...each('toNumber toInteger parseInt', ALL),
  },
  underscore: each('escape', HTML),
  he: each('encode escape', HTML),
  entities: each('encode escape encodeHTML escapeUTF8 encodeXML', HTML),
  'html-entities': each('encode', HTML),
  xss: each('() filterXSS process', HTML),
  'sanitize-html': each('()', HTML),
  dompurify: each('() sanitize', HTML),
  'isomorphic-dompurify': each('() sanitize', HTML),
  DOMPurify: each('() sanitize', HTML),
  validator: { ...each('escape', HTML), ...each('toInt toFloat toBoolean toDate', ALL) },
  'escape-string-regexp': each('()', C.pattern | C.redos),
  'sanitize-filename': each('()', C.path | C.zip),
  'resolve-path': each('()', C.path | C.zip),
  'mongo-sanitize': each('()', C.nosql),
  'express-mongo-sanitize': each('sanitize', C.nosql),
  'serialize-javascript': each('()', HTML | C.code),
  jsesc: each('()', HTML | C.code),
  mongodb: each('ObjectId ObjectID createFromHexString', ID),
  mongoose: each('ObjectId Types', ID),
  'ipaddr.js': each('parse process', C.command | C.ssrf),
  JSON: each('stringify', C.log | C.nosql | PROTOTYPES),
  bson: each('ObjectId', ID),
  slugify: each('()', ALL),
  'secure-json-parse': each('() parse', PROTOTYPES),
  destr: each('() destr safeDestr', PROTOTYPES),
}

/** What a call makes safe; 0 for nothing. */
export function clearedBy(name: string, method: string): number {
  return own(own(SANITISERS, name), method) ?? 0
}

/**
 * What functions make safe that are named after it, wherever they come from. `complete`: a name that says what it is
 * for; a plain `clean` or `filter` says too little.
 */
export function clearedByName(name: string): number {
  if (
    !/(?:escap|saniti[sz]|purif|quot|encode|slugif)/i.test(name) ||
    /^(?:un|is|has|decode)/i.test(name) ||
    /unescape|unsafe/i.test(name)
  )
    return 0
  const named = (pattern: RegExp): boolean => pattern.test(name)
  let mask = 0
  if (named(/html|xml|attr|markup|xss|entit/i)) mask |= HTML
  if (named(/shell|cmd|command|bash|arg/i)) mask |= SHELL
  if (named(/sql|ident|literal/i)) mask |= SQL
  if (named(/reg_?exp?|regex/i)) mask |= C.pattern | C.redos
  if (named(/path|file|dir/i)) mask |= C.path | C.zip
  if (named(/url|uri/i)) mask |= URL_PART
  if (named(/ldap|filter|dn/i)) mask |= C.ldap
  if (named(/log/i)) mask |= C.log
  if (named(/prompt/i)) mask |= C.prompt
  if (named(/key|prop|proto|object|json/i)) mask |= PROTOTYPES
  if (mask === 0 && named(/^(?:escape|sanitize|sanitise|purify|slugify|quote|clean)$/i))
    mask = HTML | SQL | SHELL | C.nosql | C.path
  if (mask === 0 && named(/sanitis|sanitiz|purif/i)) mask = HTML | SQL | C.nosql | C.path
  return mask
}

/** What guards exclude that are named as guards and come from outside the program. */
export function excludedByName(name: string): number {
  if (/^(?:is|has|can)?_?(?:valid|safe|allowed|permitted|trusted|whitelisted|allowlisted)/i.test(name))
    return ALL
  if (
    /^(?:validate|verify|check|assert|ensure|isMatch|matches|isURL|isUUID|isEmail|isAlpha\w*|isNumeric|isInt\w*|isHex\w*|isMongoId|isIP\w*|isPort|isFQDN|isSlug)/.test(
      name,
    )
  )
    return ALL
  if (/^(?:isNumber|isInteger|isFinite|isBoolean|isDate)$/.test(name)) return ALL
  if (/^(?:is_?)?(?:unsafe|forbidden|dangerous|reserved|blacklisted|polluting|proto\w*)/i.test(name)) return 0
  if (/^isString$/.test(name)) return C.nosql | C.mass | C.protobase
  if (/inside|within|contains?Path|isSubdir|isChild|isParent/i.test(name)) return C.path | C.zip
  return 0
}

/** What is excluded when a function of such a name says no. */
export function excludedByDenial(name: string): number {
  return /(?:unsafe|forbidden|danger|reserved|blacklist|blocklist|denied|pollut|proto|malicious|traversal|private|internal|invalid)/i.test(
    name,
  )
    ? /proto|pollut|reserved|unsafe/i.test(name)
      ? ALL
      : /private|internal/i.test(name)
        ? C.ssrf
        : ALL
    : 0
}

/** Packages whose results do not come from their arguments. */
export const NO_FLOW = new Set([
  'fs', 'fs.promises', 'fs-extra', 'graceful-fs', 'child_process', 'http', 'https', 'net', 'tls', 'crypto', 'pg', 'mysql',
  'mysql2', 'mysql2/promise', 'sqlite3', 'better-sqlite3', 'mongodb', 'mongoose', 'knex', 'sequelize', 'typeorm',
  '@prisma/client', 'redis', 'ioredis', 'axios', 'request', 'node-fetch', 'got', 'superagent', 'undici', 'fetch',
  'jsonwebtoken', 'bcrypt', 'bcryptjs', 'winston', 'pino', 'debug', 'console', 'nodemailer', 'express', 'koa', 'fastify',
  'hono', 'cors', 'helmet', 'passport', 'assert', 'events', 'stream', 'zlib', 'os', 'cluster', 'worker_threads',
  'react', 'vue', 'mocha', 'chai', 'jest', 'Math', 'Date', 'performance', 'ws', 'socket.io', 'chalk', 'setTimeout',
  'setInterval', 'setImmediate', 'clearTimeout', 'WebSocket', 'XMLHttpRequest', 'localStorage', 'sessionStorage', 'exec',
  'mkdirp', 'rimraf', 'glob', 'del', 'mime', 'mime-types', 'send', 'ora', 'inquirer', 'prompts', 'openai', 'ai',
  'Error', 'TypeError', 'RangeError', 'document', 'createError', 'http-errors',
]) // prettier-ignore

export function namesOf(mask: number): readonly ClassName[] {
  return (Object.keys(CLASS) as ClassName[]).filter((name) => (mask & CLASS[name]) !== 0)
}
