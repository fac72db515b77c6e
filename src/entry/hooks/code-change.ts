import { existsSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import type { JsonObject } from '../../action/json.ts'
import type { ChangeChecker } from '../../code/check-change.ts'
import type { CodeFinding } from '../../code/finding.ts'
import { CheckProblem } from '../../code/check-problem.ts'
import { commitContents, repositoryOf } from '../../code/commit-contents.ts'
import type { NamedAction } from './propose-tool-use.ts'
import { readCommit, type Commit } from './read-commit.ts'
import type { ToolUse } from './tool-use.ts'

export interface CodeChange extends NamedAction {
  /** What was found, for the agent: what the reasons of a decision do not quote. */
  readonly told: string
}

const CODE = /\.(?:[mc]?[jt]sx?|pyw?|go|java|php|phtml|rb|rake|cs|sh|bash)$|(?:^|\/)Dockerfile[^/]*$/
const MAX_FINDINGS = 20
const MAX_PATHS = 200
const MAX_TEXT = 1_500_000

/**
 * What a tool use would make of the code: the action `code.change`, checked; null when it changes no code. A change
 * whose outcome cannot be foreseen is one that could not be checked.
 */
export async function codeChange(
  uses: readonly ToolUse[],
  cwd: string | null,
  checker: ChangeChecker,
): Promise<CodeChange | null> {
  for (const use of uses) {
    const commit = use.kind === 'shell' ? readCommit(use.command, use.cwd ?? cwd) : null
    if (commit !== null) return committed(commit, checker)
  }
  const writes = uses.filter((use) => use.kind === 'file' && use.role !== 'read' && CODE.test(use.path))
  const texts = new Map<string, string | null>()
  let foreseen = true
  for (const use of writes) {
    if (use.kind !== 'file') continue
    const path = resolve(cwd ?? '.', use.path)
    const before = texts.has(path) ? (texts.get(path) ?? null) : textOf(path)
    const after = use.role === 'delete' ? null : textAfter(use, before)
    if (after === undefined) foreseen = false
    else texts.set(path, after)
  }
  const places = writes.map((use) => resolve(cwd ?? '.', use.kind === 'file' ? use.path : ''))
  if (places.length === 0) return null
  const folder = projectOf(places[0]!, cwd)
  const paths = [...new Set(places.map((place) => below(folder, place)))]
  const input = { folder, paths }
  if (!foreseen || paths.some((path) => path.startsWith('../')))
    return {
      action: 'code.change',
      input: { ...input, checked: false, scope: 'files', findings: [] },
      told: '',
    }
  const contents = new Map([...texts].map(([place, text]) => [below(folder, place), text]))
  const { checked, scope, findings } = await checker.check(folder, contents)
  return {
    action: 'code.change',
    input: { ...input, checked, scope, findings: findings.slice(0, MAX_FINDINGS).map(summary) },
    told: findings.slice(0, MAX_FINDINGS).map(sentence).join(' '),
  }
}

/** The commit that a shell command makes, with what it adds to what was committed before. */
async function committed(commit: Commit, checker: ChangeChecker): Promise<CodeChange | null> {
  const unchecked = (folder: string | null, told: string): CodeChange => ({
    action: 'code.change',
    input: { folder, paths: [], commit: true, checked: false, scope: 'files', findings: [] },
    told,
  })
  if (!commit.foreseen) return unchecked(null, commit.why)
  try {
    const folder = await repositoryOf(commit.folder)
    const { after, before } = await commitContents(folder, commit.everything)
    if (before.size === 0) return null
    const { checked, scope, findings } = await checker.check(folder, after, before)
    return {
      action: 'code.change',
      input: {
        folder,
        paths: [...before.keys()].slice(0, MAX_PATHS),
        commit: true,
        checked,
        scope,
        findings: findings.slice(0, MAX_FINDINGS).map(summary),
      },
      told: findings.slice(0, MAX_FINDINGS).map(sentence).join(' '),
    }
  } catch (error) {
    return unchecked(commit.folder, error instanceof CheckProblem ? error.message : '')
  }
}

function summary({ rule, cwe, severity, location, message, fix }: CodeFinding): JsonObject {
  return { rule, cwe, severity, path: location.path, line: location.line, message, fix: fix?.text ?? null }
}

function sentence({ rule, location, message, fix }: CodeFinding): string {
  return `${location.path}:${location.line} ${rule}: ${message}${fix === undefined ? '' : ` Fix: ${fix.text}`}`
}

/** What a file holds once a tool has written it; `undefined` when that cannot be said. */
function textAfter(use: Extract<ToolUse, { kind: 'file' }>, before: string | null): string | undefined {
  if (use.edits === undefined) return use.removed === undefined ? use.text : undefined
  let text = before ?? ''
  for (const { old, text: put, all } of use.edits) {
    if (old === '') {
      text = text === '' ? put : `${text}\n${put}`
      continue
    }
    if (!text.includes(old)) return undefined
    text = all === true ? text.replaceAll(old, () => put) : text.replace(old, () => put)
  }
  return text
}

function textOf(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8')
    return text.length > MAX_TEXT ? null : text
  } catch {
    return null
  }
}

/** The repository that a file lies in, else where the agent works, else its folder. */
function projectOf(path: string, cwd: string | null): string {
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder))
    if (existsSync(resolve(folder, '.git'))) return folder
  if (cwd !== null && isAbsolute(cwd) && !below(cwd, path).startsWith('../')) return resolve(cwd)
  return dirname(path)
}

function below(folder: string, path: string): string {
  return relative(folder, path).replaceAll('\\', '/')
}
