import { createHash } from 'node:crypto'
import { CheckProblem } from '../check-problem.ts'
import type { CodeFinding, FindingStep } from '../finding.ts'
import type { Location } from '../flow-graph/module.ts'
import { at, list, object, plain, words, type Json } from './hostile-json.ts'
import { SarifPlaces } from './sarif-places.ts'
import { SarifRules } from './sarif-rules.ts'

export interface SarifFinding {
  readonly finding: CodeFinding
  /** The program that found it. */
  readonly by: string
  /** All weaknesses that the program names for it; that of the finding is the first. */
  readonly weaknesses: readonly string[]
}

export interface SarifLog {
  readonly findings: readonly SarifFinding[]
  /** What was left out although nobody has said that it may be. */
  readonly skipped: readonly string[]
}

/** What is read of a file, at most: whoever wrote it may mean harm. */
const MAX_TEXT = 256 * 1024 * 1024
const MAX_RUNS = 100
const MAX_RESULTS = 50_000
const MAX_STEPS = 100
const MAX_MESSAGE = 2_000
const MAX_NAME = 200

/** What a program writes when it does not tell: the same words for every result. */
const NO_ANSWER = 'requires login'

/**
 * The findings of a SARIF 2.1.0 log, each once. Results that are suppressed, passed or no longer there are left out;
 * those without a place in the folder are, and are said. Everything in it is bounded and taken as text; paths that
 * lead out of the folder are not followed. Throws a `CheckProblem` when it is no SARIF.
 */
export function readSarif(text: string, folder: string): SarifLog {
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
  const runs = list(log['runs'])
  const skipped = runs.length > MAX_RUNS ? [`The log has ${runs.length} runs; ${MAX_RUNS} were read.`] : []
  const read: Read = { findings: new Map(), marks: new Map(), skipped }
  for (const run of runs.slice(0, MAX_RUNS)) readRun(run, folder, read)
  return { findings: [...read.findings.values()], skipped }
}

interface Read {
  /** By all that tells results apart: programs repeat themselves, and logs are merged twice. */
  readonly findings: Map<string, SarifFinding>
  /** How often a mark came, for fingerprints. */
  readonly marks: Map<string, number>
  readonly skipped: string[]
}

function readRun(run: Json, folder: string, { findings, marks, skipped }: Read): void {
  const by = plain(object(object(run['tool'])['driver'])['name'] ?? 'another program', MAX_NAME)
  skipped.push(...complaintsOf(run, by))
  const reading = { by, run, rules: new SarifRules(run), places: new SarifPlaces(run, folder) }
  const results = list(run['results'])
  let elsewhere = 0
  for (const result of results) {
    if (!stands(result)) continue
    const location = list(result['locations'])
      .map((each) => reading.places.read(each))
      .find((each) => each !== null)
    if (location === undefined) {
      elsewhere += 1
      continue
    }
    if (findings.size >= MAX_RESULTS) {
      skipped.push(`The log has more than ${MAX_RESULTS} findings; the rest was not read.`)
      break
    }
    const { mark, weaknesses, ...finding } = readResult(result, location, reading)
    const key = JSON.stringify([finding.rule, location, finding.message])
    if (findings.has(key)) continue
    const occurrence = marks.get(mark) ?? 0
    marks.set(mark, occurrence + 1)
    const fingerprint = digest(occurrence === 0 ? mark : `${mark}\n${occurrence}`)
    findings.set(key, { by, weaknesses, finding: { ...finding, cwe: weaknesses[0] ?? null, fingerprint } })
  }
  if (elsewhere > 0)
    skipped.push(`${by}: ${elsewhere} of ${results.length} results have no place in the folder.`)
}

/** Whether a result says of the code as it is that something is wrong. */
function stands(result: Json): boolean {
  const suppressions = list(result['suppressions']).map((each) => each['status'] ?? 'accepted')
  return (
    (suppressions.length === 0 || suppressions.some((status) => status !== 'accepted')) &&
    result['baselineState'] !== 'absent' &&
    ['fail', 'review', 'open'].includes(words(result['kind'] ?? 'fail'))
  )
}

interface Reading {
  readonly by: string
  readonly run: Json
  readonly rules: SarifRules
  readonly places: SarifPlaces
}

function readResult(
  result: Json,
  location: Location,
  { by, run, rules, places }: Reading,
): Omit<CodeFinding, 'cwe' | 'fingerprint'> & {
  readonly weaknesses: readonly string[]
  readonly mark: string
} {
  const { id, rule } = rules.of(result)
  const name = `${slug(by)}/${slug(id === '' ? 'finding' : id)}`
  const message = linked(messageText(result, rule, rules), result, places, location)
  const fix = plain(object(object(list(result['fixes'])[0])['description'])['text'], MAX_MESSAGE)
  return {
    rule: name,
    weaknesses: rules.weaknessesOf(result, rule),
    severity: rules.severityOf(result, rule),
    message,
    location,
    path: wayOf(result, run, places),
    ...(fix === '' ? {} : { fix: { text: fix } }),
    mark: markOf(result, name, location, message),
  }
}

function wayOf(result: Json, run: Json, places: SarifPlaces): readonly FindingStep[] {
  const flow = list(object(list(result['codeFlows'])[0])['threadFlows'])[0]
  const shared = list(run['threadFlowLocations'])
  return list(object(flow)['locations'])
    .slice(0, MAX_STEPS)
    .flatMap((step): FindingStep[] => {
      const location = object(step['location'] ?? at(shared, step['index'])['location'])
      const place = places.read(location)
      return place === null
        ? []
        : [{ location: place, message: plain(object(location['message'])['text'], MAX_NAME) }]
    })
}

function messageText(result: Json, rule: Json, rules: SarifRules): string {
  const message = object(result['message'])
  const template =
    message['text'] ??
    message['markdown'] ??
    rules.messageString(rule, message['id']) ??
    object(rule['shortDescription'])['text'] ??
    'No message.'
  const given = Array.isArray(message['arguments']) ? (message['arguments'] as readonly unknown[]) : []
  return words(template)
    .slice(0, MAX_MESSAGE)
    .replaceAll(/\{(\d{1,2})\}/g, (gap, index: string) => {
      const value = given[Number(index)]
      return typeof value === 'string' ? value.slice(0, MAX_NAME) : gap
    })
}

/** Links to related places, SARIF 2.1.0 §3.11.6, as words: where they lead, when that is another line. */
function linked(text: string, result: Json, places: SarifPlaces, location: Location): string {
  const related = new Map(list(result['relatedLocations']).map((each) => [words(each['id']), each]))
  return plain(
    text.replaceAll(/\[([^[\]]{1,300})\]\(([^()\s]{1,300})\)/g, (link, label: string, target: string) => {
      if (/^(?:https?|sarif):/.test(target)) return label
      if (!related.has(target)) return link
      const place = places.read(related.get(target))
      return place === null || (place.path === location.path && place.line === location.line)
        ? label
        : `${label} (${place.path}:${place.line})`
    }),
    MAX_MESSAGE,
  )
}

/** What tells a finding from others and stays when lines move, as far as the program gives any such thing. */
function markOf(result: Json, rule: string, location: Location, message: string): string {
  const own = [result['fingerprints'], result['partialFingerprints']]
    .map((given) =>
      Object.entries(object(given))
        .map(([key, value]) => [key, words(value).trim()] as const)
        .filter(([, value]) => value !== '' && value !== NO_ANSWER)
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .map(([, value]) => value)
        .join(' ')
        .slice(0, 2_000),
    )
    .find((value) => value !== '')
  const region = object(object(object(list(result['locations'])[0])['physicalLocation'])['region'])
  const snippet = plain(object(region['snippet'])['text'], MAX_MESSAGE)
  const code = snippet === '' || snippet === NO_ANSWER ? String(location.line) : snippet
  return `${rule}\n${location.path}\n${own ?? `${message}\n${code}`}`
}

/** What a run says of itself that makes its silence no good news. */
function complaintsOf(run: Json, by: string): readonly string[] {
  const invocations = list(run['invocations'])
  const failed = invocations.filter((each) => each['executionSuccessful'] === false)
  const why = failed
    .flatMap((each) => list(each['toolExecutionNotifications']))
    .map((each) => plain(object(each['message'])['text'], MAX_NAME))
    .find((each) => each !== '')
  const outside = object(run['externalPropertyFileReferences'])['results']
  return [
    ...(failed.length === 0
      ? []
      : [`${by} says that it did not end well${why === undefined ? '' : `: ${why}`}.`]),
    ...(Array.isArray(outside) ? [`${by}: its results lie in other files, which are not read.`] : []),
  ]
}

function digest(mark: string): string {
  return createHash('sha256').update(mark).digest('hex').slice(0, 24)
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
