import { createHash } from 'node:crypto'
import { isAbsolute, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CheckProblem } from '../check-problem.ts'
import type { CodeFinding, CodeSeverity, FindingStep } from '../finding.ts'
import type { Location } from '../flow-graph/module.ts'

export interface SarifFinding {
  readonly finding: CodeFinding
  /** The program that found it. */
  readonly by: string
}

/** What is read of a file, at most: whoever wrote it may mean harm. */
const MAX_TEXT = 256 * 1024 * 1024
const MAX_RUNS = 100
const MAX_RESULTS = 50_000
const MAX_STEPS = 100
const MAX_MESSAGE = 2_000
const MAX_NAME = 200
const MAX_LINE = 10_000_000

type Json = Readonly<Record<string, unknown>>

/**
 * The findings of a SARIF 2.1.0 log. Results that are suppressed, passed or without a place in the folder are left
 * out. Everything in it is bounded and taken as text; paths that lead out of the folder are not followed. Throws a
 * `CheckProblem` when it is no SARIF.
 */
export function readSarif(text: string, folder: string): readonly SarifFinding[] {
  if (text.length > MAX_TEXT)
    throw new CheckProblem(`The SARIF log is larger than ${MAX_TEXT / 1024 / 1024} MB.`)
  let log: Json
  try {
    log = object(JSON.parse(text.replace(/^\ufeff/, '')))
  } catch (error) {
    throw new CheckProblem(
      `The SARIF log is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : 'fault'}.`,
    )
  }
  if (!words(log['version']).startsWith('2.') || !Array.isArray(log['runs']))
    throw new CheckProblem('The file is no SARIF 2.1.0 log: it has no version 2 and runs.')
  const found: SarifFinding[] = []
  for (const run of list(log['runs']).slice(0, MAX_RUNS)) {
    const driver = object(object(run['tool'])['driver'])
    const by = name(driver['name'] ?? 'another program')
    const rules = list(driver['rules'])
    const byId = new Map(rules.map((rule) => [words(rule['id']), rule]))
    const bases = object(run['originalUriBaseIds'])
    for (const result of list(run['results'])) {
      if (found.length >= MAX_RESULTS) return found
      const finding = readResult(result, by, folder, bases, (id, index) => byId.get(id) ?? rules[index] ?? {})
      if (finding !== null) found.push({ finding, by })
    }
  }
  return found
}

function readResult(
  result: Json,
  by: string,
  folder: string,
  bases: Json,
  ruleOf: (id: string, index: number) => Json,
): CodeFinding | null {
  if (list(result['suppressions']).some((each) => (each['status'] ?? 'accepted') === 'accepted')) return null
  if (result['kind'] !== undefined && result['kind'] !== 'fail') return null
  const location = readLocation(list(result['locations'])[0], folder, bases)
  if (location === null) return null
  const reference = object(result['rule'])
  const id = words(result['ruleId'] ?? reference['id'] ?? '')
  const rule = ruleOf(id, Number(result['ruleIndex'] ?? reference['index'] ?? -1))
  const ruleName = `${slug(by)}/${slug(id === '' ? words(rule['id'] ?? 'finding') : id)}`
  const message = messageText(result, rule)
  const flow = list(object(list(result['codeFlows'])[0])['threadFlows'])[0]
  const path = list(object(flow)['locations'])
    .slice(0, MAX_STEPS)
    .flatMap((step): FindingStep[] => {
      const inner = object(step['location'])
      const place = readLocation(inner, folder, bases)
      return place === null
        ? []
        : [{ location: place, message: plain(words(object(inner['message'])['text'] ?? ''), 200) }]
    })
  return {
    rule: ruleName,
    cwe: weaknessOf(result, rule),
    severity: severityOf(result['level'] ?? object(rule['defaultConfiguration'])['level']),
    message,
    location,
    path,
    fingerprint: fingerprint(result, ruleName, location, message),
  }
}

function readLocation(value: unknown, folder: string, bases: Json): Location | null {
  const physical = object(object(value)['physicalLocation'])
  const path = pathOf(object(physical['artifactLocation']), folder, bases)
  if (path === null) return null
  const region = object(physical['region'])
  const line = whole(region['startLine'], 1)
  const column = whole(region['startColumn'], 1)
  const endLine = Math.max(line, whole(region['endLine'], line))
  const endColumn = whole(region['endColumn'], endLine === line ? column + 1 : 1)
  return { path, line, column, endLine, endColumn }
}

/** A path below the folder, with `/`; null for what lies elsewhere. */
function pathOf({ uri, uriBaseId }: Json, folder: string, bases: Json): string | null {
  if (typeof uri !== 'string' || uri === '' || uri.length > 4_096) return null
  const base = typeof uriBaseId === 'string' ? object(bases[uriBaseId])['uri'] : undefined
  try {
    const whole =
      /^[a-z][a-z\d+.-]*:/i.test(uri) || typeof base !== 'string' || !base.startsWith('file:')
        ? uri
        : new URL(uri, base.endsWith('/') ? base : `${base}/`).href
    if (/^[a-z][a-z\d+.-]+:/i.test(whole) && !whole.startsWith('file:')) return null
    const path = whole.startsWith('file:') ? fileURLToPath(whole) : decodeURIComponent(whole)
    const below = (isAbsolute(path) ? relative(folder, path) : path)
      .replaceAll('\\', '/')
      .replace(/^(?:\.\/)+/, '')
    return below === '' ||
      isAbsolute(below) ||
      /^[a-z]:/i.test(below) ||
      below.split('/').includes('..') ||
      below.includes('\0')
      ? null
      : below
  } catch {
    return null
  }
}

function messageText(result: Json, rule: Json): string {
  const message = object(result['message'])
  const strings = object(rule['messageStrings'])
  const template =
    message['text'] ??
    message['markdown'] ??
    object(strings[words(message['id'])])['text'] ??
    object(rule['shortDescription'])['text'] ??
    'No message.'
  const given = Array.isArray(message['arguments']) ? (message['arguments'] as readonly unknown[]) : []
  return plain(
    words(template)
      .slice(0, MAX_MESSAGE)
      .replaceAll(/\{(\d{1,2})\}/g, (gap, index: string) => {
        const value = given[Number(index)]
        return typeof value === 'string' ? value.slice(0, MAX_NAME) : gap
      }),
    MAX_MESSAGE,
  )
}

/** From the taxa of the result and the relations, tags and properties of its rule, wherever programs put it. */
function weaknessOf(result: Json, rule: Json): string | null {
  const properties = object(rule['properties'])
  const tags = Array.isArray(properties['tags'])
    ? (properties['tags'] as readonly unknown[]).slice(0, 50)
    : []
  const named = [
    ...list(result['taxa'])
      .filter((taxon) => object(taxon['toolComponent'])['name'] === 'CWE')
      .map((taxon) => `CWE-${words(taxon['id'])}`),
    ...list(rule['relationships'])
      .map((relation) => object(relation['target']))
      .filter((target) => object(target['toolComponent'])['name'] === 'CWE')
      .map((target) => `CWE-${words(target['id'])}`),
    ...tags,
    properties['cwe'],
    object(result['properties'])['cwe'],
  ]
  for (const each of named.flat()) {
    const number = /cwe[-_:/ ]*(?:cwe[-_:/ ]*)?0*(\d{1,5})/i.exec(words(each).slice(0, MAX_NAME))?.[1]
    if (number !== undefined) return `CWE-${number}`
  }
  return null
}

function severityOf(level: unknown): CodeSeverity {
  return level === 'error' ? 'error' : level === 'note' || level === 'none' ? 'note' : 'warning'
}

function fingerprint(result: Json, rule: string, location: Location, message: string): string {
  const given = { ...object(result['partialFingerprints']), ...object(result['fingerprints']) }
  const own = Object.keys(given)
    .toSorted()
    .map((key) => words(given[key]))
    .join(' ')
    .slice(0, 2_000)
  return createHash('sha256')
    .update(`${rule}\n${location.path}\n${own === '' ? `${message}\n${location.line}` : own}`)
    .digest('hex')
    .slice(0, 24)
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(object) : []
}

function whole(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_LINE
    ? value
    : otherwise
}

function plain(text: string, max: number): string {
  return text.slice(0, max).replaceAll(/\s+/g, ' ').trim()
}

function name(value: unknown): string {
  return plain(words(value), MAX_NAME)
}

/** A part of a rule's name: what comments and options can spell. */
function slug(text: string): string {
  return (
    text
      .slice(0, MAX_NAME)
      .toLowerCase()
      .replaceAll(/[^\w.-]+/g, '-')
      .replaceAll(/^-+|-+$/g, '') || 'unnamed'
  )
}

/** A text or number as text; anything else is none. */
function words(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}
