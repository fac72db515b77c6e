import { isJsonObject, type JsonObject, type JsonValue } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'

/** The name under which every snippet is judged and recorded. */
export const SNIPPET_ACTION = 'code.run'

export const LANGUAGES = ['javascript', 'python', 'shell'] as const
export type Language = (typeof LANGUAGES)[number]

/** Generated code as it is judged and run: the input of the action `code.run`. */
export interface Snippet {
  readonly language: Language
  readonly code: string
  /** Files beside it, by path from its folder: text, or bytes in base64. */
  readonly files: Readonly<Record<string, string | { readonly base64: string }>>
  readonly stdin: string
  readonly limits: SnippetLimits
}

/** What a run may use. A run that reaches one of them is ended, and its exit says which. */
export interface SnippetLimits {
  /** Bytes, files that it writes included. */
  readonly memory: number
  /** Milliseconds. */
  readonly wallTime: number
  /** Cores. */
  readonly cpu: number
  readonly processes: number
  /** Bytes of stdout and stderr together. */
  readonly output: number
  /** Bytes of all files that are returned. */
  readonly fileBytes: number
  /** How many files are returned. */
  readonly files: number
}

export const SNIPPET_LIMITS: SnippetLimits = {
  memory: 256 * 1024 * 1024,
  wallTime: 10_000,
  cpu: 1,
  processes: 64,
  output: 256 * 1024,
  fileBytes: 1024 * 1024,
  files: 100,
}

/** From the least that lets an interpreter start to the most that one call may ask for. */
export const LIMIT_BOUNDS: { readonly [K in keyof SnippetLimits]: readonly [number, number] } = {
  memory: [16 * 1024 * 1024, 8 * 1024 * 1024 * 1024],
  wallTime: [100, 600_000],
  cpu: [0.05, 64],
  processes: [1, 1_024],
  output: [0, 4 * 1024 * 1024],
  fileBytes: [0, 8 * 1024 * 1024],
  files: [0, 1_000],
}

/** The limits as they are named in HTTP and in the action's input. */
export const LIMIT_NAMES: Readonly<Record<keyof SnippetLimits, string>> = {
  memory: 'memory_bytes',
  wallTime: 'wall_time_ms',
  cpu: 'cpu',
  processes: 'processes',
  output: 'output_bytes',
  fileBytes: 'file_bytes',
  files: 'files',
}

export const MAX_CODE = 256 * 1024
export const MAX_FILES = 100
const MAX_PATH = 200
const MAX_DEPTH = 10
/** The file that holds the code, by language. */
export const MAIN: Readonly<Record<Language, string>> = {
  javascript: 'main.js',
  python: 'main.py',
  shell: 'main.sh',
}

/** A file's path as it may stand in a snippet: relative, of plain names, never upwards. */
export function isPlainPath(path: string): boolean {
  if (path.length === 0 || path.length > MAX_PATH) return false
  const names = path.split('/')
  const plain = (name: string): boolean => /^[^\p{Cc}\\]{1,100}$/u.test(name) && !/^\.{1,2}$/.test(name)
  return names.length <= MAX_DEPTH && names.every(plain) && path.isWellFormed()
}

/** The snippet that the input of an action says, checked again: a check may have changed it. Throws `input:invalid`. */
export function snippetFrom(input: JsonObject): Snippet {
  const { language, code, files = {}, stdin = '', limits = {}, ...rest } = input
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw invalid(unknown, 'no such member', 'one')
  if (!isLanguage(language)) throw invalid('language', LANGUAGES.join(', '), shown(language))
  if (typeof code !== 'string' || code.length > MAX_CODE)
    throw invalid('code', `text of at most ${MAX_CODE} characters`, shown(code))
  if (typeof stdin !== 'string') throw invalid('stdin', 'text', shown(stdin))
  return { language, code, files: filesFrom(files, MAIN[language]), stdin, limits: limitsFrom(limits) }
}

/** The input of the action. */
export function inputOf({ language, code, files, stdin, limits }: Snippet): JsonObject {
  return {
    language,
    code,
    ...(Object.keys(files).length === 0 ? {} : { files }),
    ...(stdin === '' ? {} : { stdin }),
    limits: Object.fromEntries(
      Object.entries(LIMIT_NAMES).map(([key, name]) => [name, limits[key as keyof SnippetLimits]]),
    ),
  }
}

function filesFrom(files: JsonValue, main: string): Snippet['files'] {
  if (!isJsonObject(files)) throw invalid('files', 'an object by path', shown(files))
  const entries = Object.entries(files)
  if (entries.length > MAX_FILES)
    throw invalid('files', `at most ${MAX_FILES} of them`, String(entries.length))
  const paths = new Set(entries.map(([path]) => path))
  for (const [path, content] of entries) {
    if (!isPlainPath(path)) throw invalid('files', 'relative paths of plain names', shown(path))
    if (path === main) throw invalid('files', `another name than ${main}, which holds the code`, path)
    const above = path.split('/').slice(0, -1)
    if (above.some((_, n) => paths.has(above.slice(0, n + 1).join('/'))))
      throw invalid('files', 'no file that is a folder of another', path)
    const text = typeof content === 'string'
    const bytes =
      isJsonObject(content) && typeof content['base64'] === 'string' && Object.keys(content).length === 1
    if (!text && !bytes) throw invalid(`files.${path}`, 'text, or {"base64": …}', shown(content))
    if (bytes && !/^[A-Za-z0-9+/]*={0,2}$/.test(content['base64'] as string))
      throw invalid(`files.${path}`, 'base64', 'something else')
  }
  return files as Snippet['files']
}

function limitsFrom(limits: JsonValue): SnippetLimits {
  if (!isJsonObject(limits)) throw invalid('limits', 'an object', shown(limits))
  const left = new Set(Object.keys(limits))
  const read = (Object.keys(LIMIT_NAMES) as (keyof SnippetLimits)[]).map((key) => {
    const name = LIMIT_NAMES[key]
    left.delete(name)
    const value = limits[name] ?? SNIPPET_LIMITS[key]
    const [least, most] = LIMIT_BOUNDS[key]
    const whole = key === 'cpu' || Number.isInteger(value)
    if (typeof value !== 'number' || !whole || !(value >= least && value <= most))
      throw invalid(`limits.${name}`, `a number from ${least} to ${most}`, shown(value))
    return [key, value] as const
  })
  const [unknown] = left
  if (unknown !== undefined)
    throw invalid(`limits.${unknown}`, Object.values(LIMIT_NAMES).join(', '), 'another limit')
  return Object.fromEntries(read) as unknown as SnippetLimits
}

function isLanguage(value: JsonValue | undefined): value is Language {
  return (LANGUAGES as readonly unknown[]).includes(value)
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing'
  return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 100)
}

function invalid(where: string, expected: string, got: string): BelayError {
  return new BelayError('input:invalid', { where, expected, got })
}
