import { isAlias, isCollection, isMap, isPair, isScalar, LineCounter, parseDocument } from 'yaml'
import type { Document, Node, Pair, Scalar } from 'yaml'
import { isJsonObject } from '../action/json.ts'
import type { JsonObject } from '../action/json.ts'
import type { PolicyFault } from './policy.ts'

/** Bytes of one policy file. */
const MAX_POLICY_BYTES = 1_000_000
const MAX_DEPTH = 64
const MAX_NODES = 100_000
const MAX_ALIASES = 100
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

export type DocumentPath = readonly (string | number)[]

export interface Position {
  readonly line: number
  readonly column: number
}

/** A parsed file that remembers where everything stands. */
export interface YamlDocument {
  readonly content: JsonObject
  /** Where the value at the path stands, or with `key` its key; the nearest ancestor when there is no such path. */
  position(path: DocumentPath, what?: 'value' | 'key'): Position
  /** Where a character of the text at the path stands, as well as its quoting allows. */
  positionInText(path: DocumentPath, offset: number): Position
}

/** Reads YAML 1.2 strictly: one document, no duplicate keys, no tags, few aliases, bounded size and depth. */
export function readYaml(
  text: string,
  file: string,
): { readonly document: YamlDocument | null; readonly faults: readonly PolicyFault[] } {
  const lines = new LineCounter()
  const refuse = (expected: string, found: string, at: Position = { line: 1, column: 1 }) => ({
    document: null,
    faults: [{ severity: 'error', code: 'policy:yaml', file, ...at, expected, found } as const],
  })
  const size = Buffer.byteLength(text)
  if (size > MAX_POLICY_BYTES) return refuse(`at most ${MAX_POLICY_BYTES} bytes`, `${size} bytes`)
  const tooDeep = nestingDepth(text) > MAX_DEPTH
  if (tooDeep) return refuse(`at most ${MAX_DEPTH} levels of nesting`, 'deeper nesting')

  let parsed: Document.Parsed
  try {
    parsed = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      uniqueKeys: true,
      schema: 'core',
      merge: false,
      resolveKnownTags: false,
      // With 'silent' a second document in the file would go unnoticed.
      logLevel: 'error',
    })
  } catch (error) {
    return refuse('a readable YAML file', error instanceof Error ? error.message : 'an unreadable one')
  }
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const problems = [...parsed.errors, ...parsed.warnings].map(({ message, pos }) => ({
    severity: 'error' as const,
    code: 'policy:yaml',
    file,
    ...positionAt(pos[0]),
    expected: 'valid YAML 1.2',
    found: message,
  }))
  if (problems.length > 0) return { document: null, faults: problems.slice(0, 20) }
  const forbidden = findForbidden(parsed.contents)
  if (forbidden !== undefined)
    return refuse(forbidden.expected, forbidden.found, positionAt(forbidden.node.range?.[0] ?? 0))

  let content: unknown
  try {
    content = parsed.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (error) {
    return refuse('few aliases', error instanceof Error ? error.message : 'too many aliases')
  }
  if (!isJsonObject(content)) return refuse('a map at the top, beginning with version: 1', describe(content))
  const odd = findNonJson(content)
  if (odd !== undefined) return refuse('values that JSON knows', odd)

  const root = parsed.contents
  return {
    faults: [],
    document: {
      content,
      position: (path, what = 'value') => positionAt(offsetOf(parsed, root, path, what)),
      positionInText(path, offset) {
        const node = nodeAt(parsed, root, path).node
        if (!isScalar(node)) return positionAt(offsetOf(parsed, root, path, 'value'))
        return positionAt(offsetInScalar(text, node, offset))
      },
    },
  }
}

/** A bound of the nesting before a recursive parser sees it: brackets and indentation. */
function nestingDepth(text: string): number {
  let brackets = 0
  let deepest = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character === 0x5b || character === 0x7b) deepest = Math.max(deepest, ++brackets)
    else if ((character === 0x5d || character === 0x7d) && brackets > 0) brackets--
    else if (character === 0x0a && brackets < 20) brackets = 0
  }
  for (const line of text.split('\n')) {
    const lead = /^(?:[ ]|- |\? )*/.exec(line)![0]
    const dashes = lead.split('- ').length + lead.split('? ').length - 2
    deepest = Math.max(deepest, Math.ceil((lead.length - dashes * 2) / 8) + dashes)
  }
  return deepest
}

interface Forbidden {
  readonly node: Node
  readonly expected: string
  readonly found: string
}

function findForbidden(root: Node | null): Forbidden | undefined {
  const open: { readonly node: unknown; readonly depth: number }[] = [{ node: root, depth: 1 }]
  let nodes = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, depth } = next
    if (isPair(node)) {
      const key = node.key
      if (isScalar(key) && FORBIDDEN_KEYS.has(String(key.value)))
        return { node: key, expected: 'another key', found: `the key ${String(key.value)}` }
      open.push({ node: key, depth }, { node: node.value, depth })
      continue
    }
    if (!isScalar(node) && !isCollection(node) && !isAlias(node)) continue
    if (++nodes > MAX_NODES) return { node, expected: `at most ${MAX_NODES} values`, found: 'more' }
    if (depth > MAX_DEPTH)
      return { node, expected: `at most ${MAX_DEPTH} levels of nesting`, found: 'deeper nesting' }
    if (!isAlias(node) && node.tag !== undefined)
      return { node, expected: 'no YAML tags', found: `the tag ${node.tag}` }
    if (isCollection(node)) for (const item of node.items) open.push({ node: item, depth: depth + 1 })
  }
  return undefined
}

/** After aliases are resolved: the whole must still be small, shallow, finite and without cycles. */
function findNonJson(content: unknown): string | undefined {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value: content, depth: 1 }]
  let values = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next
    if (++values > MAX_NODES) return `more than ${MAX_NODES} values`
    if (depth > MAX_DEPTH) return `more than ${MAX_DEPTH} levels of nesting`
    if (typeof value === 'number' && !Number.isFinite(value)) return `the number ${value}`
    if (typeof value === 'bigint' || typeof value === 'undefined') return typeof value
    if (typeof value === 'object' && value !== null)
      for (const child of Object.values(value)) open.push({ value: child, depth: depth + 1 })
  }
  return undefined
}

function offsetOf(parsed: Document, root: Node | null, path: DocumentPath, what: 'value' | 'key'): number {
  const { node, pair, complete } = nodeAt(parsed, root, path)
  const key = pair?.key as Node | undefined
  const anchor = (what === 'key' || !complete) && key?.range ? key : ((node ?? key) as Node | null)
  return anchor?.range?.[0] ?? 0
}

function nodeAt(
  parsed: Document,
  root: Node | null,
  path: DocumentPath,
): { readonly node: unknown; readonly pair: Pair | undefined; readonly complete: boolean } {
  let node: unknown = root
  let pair: Pair | undefined
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(parsed)
    if (isMap(node)) {
      const found = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
      if (found === undefined) return { node, pair, complete: false }
      pair = found
      node = found.value
    } else if (isCollection(node) && typeof step === 'number' && step < node.items.length) {
      node = node.items[step]
      pair = undefined
    } else return { node, pair, complete: false }
  }
  return { node, pair, complete: true }
}

function offsetInScalar(text: string, node: Scalar, offset: number): number {
  const start = node.range?.[0] ?? 0
  if (node.type === 'PLAIN') return start + offset
  if (node.type === 'QUOTE_SINGLE' || node.type === 'QUOTE_DOUBLE') {
    const quote = node.type === 'QUOTE_SINGLE' ? "'" : '\\'
    let at = start + 1
    // In single quotes '' stands for one character, in double quotes \x does.
    for (let seen = 0; seen < offset && at < text.length; seen++) at += text[at] === quote ? 2 : 1
    return at
  }
  // Block scalars: the wanted line, then its column behind the indentation.
  const value = String(node.value)
  const before = value.slice(0, offset).split('\n')
  const first = text.indexOf('\n', start) + 1
  const indent = /^(?: *\n)*( *)/.exec(text.slice(first, first + 1000))![1]!.length
  let at = first
  for (let line = 1; line < before.length; line++) at = text.indexOf('\n', at) + 1
  return at + indent + before.at(-1)!.length
}

export function describe(value: unknown): string {
  if (value === null) return 'nothing'
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object') return 'a map'
  if (typeof value === 'string') return value.length > 60 ? `"${value.slice(0, 57)}…"` : `"${value}"`
  return `${value as number}`
}
