import { CLASS, OUTSIDE, PARSED } from './classes.ts'
import { PYTHON_REQUEST_PARTS } from './python.ts'
import type { SourceKind } from './source-kind.ts'

interface SourceModel {
  readonly kind: SourceKind
  readonly what: string
  readonly mask?: number
}

/**
 * What callers of a web server decide about its requests, by the names that frameworks give it: Node, Express, Koa,
 * Fastify, Hono, Next, Fetch. A name that begins with `#` leads on to another thing that we know.
 */
export const REQUEST_PARTS: Readonly<Record<string, string>> = {
  body: "the request's body",
  rawBody: "the request's body",
  query: "the request's query",
  querystring: "the request's query",
  params: "the request's path parameters",
  param: "the request's parameters",
  headers: "the request's headers",
  rawHeaders: "the request's headers",
  cookies: "the request's cookies",
  signedCookies: "the request's cookies",
  url: "the request's URL",
  originalUrl: "the request's URL",
  href: "the request's URL",
  path: "the request's path",
  pathname: "the request's path",
  nextUrl: "the request's URL",
  search: "the request's query",
  hostname: "the request's host",
  host: "the request's host",
  subdomains: "the request's host",
  file: 'the uploaded file',
  files: 'the uploaded files',
  payload: "the request's body",
  json: "the request's body",
  text: "the request's body",
  formData: "the request's body",
  arrayBuffer: "the request's body",
  parseBody: "the request's body",
  valid: "the request's body",
  header: "the request's headers",
  get: "the request's headers",
  queries: "the request's query",
  input: "the request's body",
  qs: "the request's query",
  bodyUsed: '#none',
  raw: '#request',
  request: '#request',
  req: '#request',
}

/**
 * What is text whatever a client sends: parts of paths, headers, addresses. Queries, bodies and cookies may be objects
 * with operators in them.
 */
export function isAlwaysText(what: string): boolean {
  return /(?:path parameters|headers|URL|path|host)$/.test(what)
}

/** What cannot have a line end in it: paths are encoded, and servers refuse headers with one. */
export function hasOneLine(what: string): boolean {
  return /(?:headers|request's path|host)$/.test(what)
}

/** Fields of other things that handlers are given. */
export const RESULT_PARTS: Readonly<Record<string, Readonly<Record<string, string | SourceModel>>>> = {
  '#pyrequest': PYTHON_REQUEST_PARTS,
  '#context': {
    request: '#request',
    req: '#request',
    res: '#response',
    response: '#response',
    query: "the request's query",
    params: "the request's path parameters",
    headers: "the request's headers",
    header: "the request's headers",
    path: "the request's path",
    url: "the request's URL",
    originalUrl: "the request's URL",
    href: "the request's URL",
    querystring: "the request's query",
    host: "the request's host",
    hostname: "the request's host",
    cookies: "the request's cookies",
    body: "the request's body",
    param: "the request's path parameters",
  },
  '#lambda': {
    body: "the event's body",
    queryStringParameters: "the event's query",
    multiValueQueryStringParameters: "the event's query",
    pathParameters: "the event's path parameters",
    headers: "the event's headers",
    rawPath: "the event's path",
    rawQueryString: "the event's query",
    path: "the event's path",
    Records: { kind: 'message', what: "the event's records" },
    arguments: "the event's arguments",
    detail: { kind: 'message', what: "the event's detail" },
  },
  '#page': {
    params: "the page's path parameters",
    searchParams: "the page's query",
    query: "the page's query",
    url: "the request's URL",
    request: '#request',
    req: '#request',
    res: '#response',
  },
  '#h3event': { context: '#h3context', path: "the request's path" },
  '#h3context': { params: "the request's path parameters" },
  '#procedure': {
    input: { kind: 'request', what: "the procedure's input", mask: PARSED },
    rawInput: "the procedure's input",
  },
  '#entry': Object.fromEntries(
    ['path', 'fileName', 'entryName', 'name'].map((each) => [
      each,
      { kind: 'archive' as const, what: 'a name in an archive' },
    ]),
  ),
  '#message': { data: { kind: 'page', what: 'the message of another window' } },
  '#connection': { handshake: "the connection's handshake", request: '#request' },
  '#ngroute': {
    snapshot: '#ngroute',
    ...Object.fromEntries(
      ['queryParams', 'queryParamMap', 'params', 'paramMap', 'fragment'].map((each) => [
        each,
        { kind: 'page' as const, what: "the page's address" },
      ]),
    ),
  },
  '#route': { params: "the route's parameters", query: "the route's query", hash: "the route's hash" },
}

const page = (what: string): SourceModel => ({ kind: 'page', what })
const cli = (what: string): SourceModel => ({ kind: 'argument', what })

const ARCHIVE: SourceModel = { kind: 'archive', what: 'a name in an archive' }

const API_SOURCES: Readonly<Record<string, Readonly<Record<string, SourceModel>>>> = {
  process: { '.argv': cli("the program's arguments") },
  yargs: { '.argv': cli("the program's arguments"), '().argv': cli("the program's arguments") },
  optimist: { '.argv': cli("the program's arguments") },
  argv: { '': cli("the program's arguments") },
  location: Object.fromEntries(
    ['.hash', '.search', '.href', '.pathname'].map((each) => [each, page("the page's address")]),
  ),
  document: {
    '.location': page("the page's address"),
    '.URL': page("the page's address"),
    '.documentURI': page("the page's address"),
    '.baseURI': page("the page's address"),
    '.referrer': page('the referring page'),
  },
  jszip: { '.loadAsync().files': ARCHIVE, '().files': ARCHIVE, '().loadAsync().files': ARCHIVE },
  unzipper: { '.Open.file().files': ARCHIVE, '.Open.buffer().files': ARCHIVE, '.Open.url().files': ARCHIVE },
  history: { '.state': page("the page's state") },
}

/** The source that reading an API's member is; null when it is none. */
export function apiSource(name: string, chain: string): SourceModel | null {
  if (name === 'window' || name === 'self' || name === 'globalThis' || name === 'top' || name === 'parent') {
    const [, global = '', rest = ''] = /^\.(\w+)(.*)$/.exec(chain) ?? []
    if (global === 'name' && rest === '') return page("the window's name")
    return API_SOURCES[global]?.[rest] ?? null
  }
  return API_SOURCES[name]?.[chain] ?? null
}

/** Calls whose result is untrusted, by package and method (`''`: the package itself is called). */
const CALLS: Readonly<Record<string, Readonly<Record<string, SourceModel>>>> = {
  h3: requestCalls(),
  '#h3': requestCalls(),
  'next/headers': {
    // Other than with Express, none of them is read as JSON.
    cookies: { kind: 'request', what: "the request's cookies", mask: OUTSIDE & ~(CLASS.nosql | CLASS.mass) },
    headers: { kind: 'request', what: "the request's headers" },
  },
  'next/navigation': {
    useSearchParams: page("the page's query"),
    useParams: page("the page's path"),
    usePathname: page("the page's path"),
  },
  'next/router': { useRouter: page("the page's address") },
  'react-router-dom': {
    useParams: page("the page's path"),
    useSearchParams: page("the page's query"),
    useLocation: page("the page's address"),
  },
  'react-router': { useParams: page("the page's path"), useLocation: page("the page's address") },
  'vue-router': { useRoute: page("the page's address") },
  fs: {
    readdir: { kind: 'file', what: 'names of files' },
    readdirSync: { kind: 'file', what: 'names of files' },
  },
  'fs-extra': {
    readdir: { kind: 'file', what: 'names of files' },
    readdirSync: { kind: 'file', what: 'names of files' },
  },
  'adm-zip': { getEntries: ARCHIVE },
  'node-stream-zip': { entries: ARCHIVE },
  '@ai-sdk/react': modelCalls('useChat', 'useCompletion'),
  'ai/react': modelCalls('useChat', 'useCompletion'),
  minimist: { '': cli("the program's arguments") },
  'yargs-parser': { '': cli("the program's arguments") },
  mri: { '': cli("the program's arguments") },
  getopts: { '': cli("the program's arguments") },
  meow: { '': cli("the program's arguments") },
  yargs: { argv: cli("the program's arguments"), parse: cli("the program's arguments") },
  commander: { opts: cli("the program's arguments"), args: cli("the program's arguments") },
  ai: modelCalls('generateText', 'streamText', 'generateObject', 'streamObject'),
  openai: modelCalls('create', 'parse', 'stream', 'runTools'),
  '@anthropic-ai/sdk': modelCalls('create', 'stream'),
  '@google/genai': modelCalls('generateContent', 'generateContentStream', 'sendMessage'),
  '@google/generative-ai': modelCalls('generateContent', 'generateContentStream', 'sendMessage'),
  '@mistralai/mistralai': modelCalls('complete', 'stream', 'chat'),
  'cohere-ai': modelCalls('chat', 'generate'),
  ollama: modelCalls('chat', 'generate'),
  'groq-sdk': modelCalls('create'),
  replicate: modelCalls('run'),
  '@aws-sdk/client-bedrock-runtime': modelCalls('send'),
  '@langchain/openai': modelCalls('invoke', 'call', 'predict', 'stream'),
  '@langchain/anthropic': modelCalls('invoke', 'call', 'predict', 'stream'),
  '@langchain/core': modelCalls('invoke', 'stream'),
  langchain: modelCalls('invoke', 'call', 'run', 'predict'),
}

function requestCalls(): Readonly<Record<string, SourceModel>> {
  const made: Record<string, SourceModel> = {}
  for (const name of ['getQuery', 'getValidatedQuery'])
    made[name] = { kind: 'request', what: "the request's query" }
  for (const name of [
    'readBody',
    'readRawBody',
    'readFormData',
    'readMultipartFormData',
    'readValidatedBody',
  ])
    made[name] = { kind: 'request', what: "the request's body" }
  for (const name of ['getRouterParam', 'getRouterParams'])
    made[name] = { kind: 'request', what: "the request's path parameters" }
  for (const name of ['getHeader', 'getHeaders', 'getRequestHeader', 'getRequestHeaders'])
    made[name] = { kind: 'request', what: "the request's headers" }
  for (const name of ['getCookie', 'parseCookies'])
    made[name] = { kind: 'request', what: "the request's cookies" }
  for (const name of ['getRequestURL', 'getRequestPath'])
    made[name] = { kind: 'request', what: "the request's URL" }
  return made
}

function modelCalls(...names: readonly string[]): Readonly<Record<string, SourceModel>> {
  return Object.fromEntries(
    names.map((each) => [each, { kind: 'model' as const, what: 'what a model answered' }]),
  )
}

/** Names that Nuxt's server files use without importing them. */
export const AUTO_IMPORTED = new Set(Object.keys(requestCalls()))

/** The source that a call's result is; null when it is none. */
export function callSource(name: string, method: string): SourceModel | null {
  return CALLS[name]?.[method] ?? null
}

/** Parameters by name, in handlers: what they are when nothing else says it. */
export function paramByName(name: string, after: string | null): string | null {
  if (/^_?(?:req|request|httpRequest|incomingMessage)$/i.test(name))
    return after === null || RESPONSE.test(after) || /^(?:next|h|ctx|context|socket|head|env)$/.test(after)
      ? '#request'
      : null
  // It has sinks alone: a client's response has no method that writes.
  if (RESPONSE.test(name)) return '#response'
  if (/^(?:ctx|context)$/.test(name) && after === 'next') return '#context'
  return null
}

const RESPONSE = /^_?(?:res|resp|response|reply|rep|httpResponse)$/i

/** Parameters by the text of their type. */
export function paramByType(type: string): string | null {
  const name = type.replace(/<.*$/s, '').trim()
  if (
    /^(?:\w+\.)?(?:Request|NextRequest|NextApiRequest|FastifyRequest|IncomingMessage|AuthenticatedRequest|HttpRequest|ExpressRequest|\w*Request)$/.test(
      name,
    )
  )
    return /Axios|Client|Abort/.test(name) ? null : '#request'
  if (/^(?:\w+\.)?(?:Response|NextApiResponse|FastifyReply|ServerResponse|ExpressResponse)$/.test(name))
    return '#response'
  if (/^(?:\w+\.)?(?:GetServerSidePropsContext|NextPageContext)$/.test(name)) return '#page'
  if (/^(?:\w+\.)?(?:Context|HttpContext|ParameterizedContext|RouterContext|ExtendableContext)$/.test(name))
    return '#context'
  if (/^(?:APIGatewayProxyEvent\w*|APIGatewayEvent|SQSEvent|SNSEvent|S3Event|ALBEvent)$/.test(name))
    return '#lambda'
  if (/^(?:MessageEvent)$/.test(name)) return '#message'
  if (/^H3Event$/.test(name)) return '#h3event'
  if (/^ActivatedRoute(?:Snapshot)?$/.test(name)) return '#ngroute'
  if (/^(?:LoaderFunctionArgs|ActionFunctionArgs|LoaderArgs|ActionArgs)$/.test(name)) return '#page'
  return null
}

/** The first parameter of a function by the text of its own type, as `const handler: APIGatewayProxyHandler = …`. */
export function firstParamByType(type: string): string | null {
  const name = type.replace(/<.*$/s, '').trim()
  if (
    /^(?:\w+\.)?(?:APIGatewayProxy\w*Handler\w*|APIGateway\w*Handler|LambdaFunctionURLHandler|(?:SQS|SNS|S3|ALB|EventBridge|Kinesis\w*|DynamoDBStream|AppSync\w*)Handler)$/.test(
      name,
    )
  )
    return '#lambda'
  if (/^(?:\w+\.)?(?:NextApiHandler|RequestHandler|RequestListener|ErrorRequestHandler)$/.test(name))
    return '#request'
  if (
    /^(?:\w+\.)?(?:GetServerSideProps|APIRoute|PageServerLoad|LayoutServerLoad|LoaderFunction|ActionFunction)$/.test(
      name,
    )
  )
    return '#page'
  return null
}

/** Decorators of NestJS and routing-controllers: what the parameter that carries one is. */
export const PARAM_DECORATORS: Readonly<Record<string, string>> = {
  Body: "the request's body",
  Query: "the request's query",
  QueryParam: "the request's query",
  QueryParams: "the request's query",
  Param: "the request's path parameters",
  Params: "the request's path parameters",
  Headers: "the request's headers",
  HeaderParam: "the request's headers",
  UploadedFile: 'the uploaded file',
  UploadedFiles: 'the uploaded files',
  Cookies: "the request's cookies",
  CookieParam: "the request's cookies",
  MessageBody: "the message's body",
  Payload: "the message's body",
  Args: "the query's arguments",
  Arg: "the query's arguments",
  Req: '#request',
  Request: '#request',
  Res: '#response',
  Response: '#response',
  Ctx: '#context',
}
