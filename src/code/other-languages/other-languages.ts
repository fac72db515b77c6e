import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OtherFinder, OtherFindings, ProjectCheckOptions } from '../check-project.ts'
import type { CodeFinding } from '../finding.ts'
import type { Skipped } from '../flow-graph/program.ts'
import { loadGrammar, parseSyntax } from '../front-ends/syntax-tree.ts'
import { findFiles } from '../reading/find-files.ts'
import { isTestPath, whyUnreadable } from '../reading/readable.ts'
import { C_SHARP } from './c-sharp.ts'
import { findIn, patternFinding, readSource, summarise, type ReadFile } from './check-file.ts'
import { GO } from './go.ts'
import { JAVA } from './java.ts'
import type { Language } from './language.ts'
import { PHP } from './php.ts'
import { RUBY } from './ruby.ts'
import { PATTERN_RULES } from './rules.ts'
import { checkDockerfile, checkShell } from './scripts.ts'
import { checkSecrets } from './secrets.ts'

/** Languages that are read by their grammar alone, function by function. */
export const LANGUAGES: readonly Language[] = [GO, JAVA, PHP, RUBY, C_SHARP]

const SHELL = /\.(?:sh|bash)$/
const DOCKERFILE = /(?:^|\/)(?:Dockerfile|Containerfile)(?:\.[\w-]+)?$|\.dockerfile$/i
const TEXTS = new RegExp(
  [...LANGUAGES.map(({ files }) => files), SHELL, DOCKERFILE].map(({ source }) => source).join('|'),
  'i',
)

/** Go, Java, PHP, Ruby, C#, shell scripts and Dockerfiles. */
export const OTHER_LANGUAGES: OtherFinder = { beside: TEXTS, rules: PATTERN_RULES, find }

async function find(folder: string, options: ProjectCheckOptions): Promise<OtherFindings> {
  const found = await (options.found ?? findFiles(folder, { ...options, beside: TEXTS }))
  const others = found.others.filter((path) => TEXTS.test(path))
  const wanted = options.files === undefined ? others : others.filter((path) => options.files?.includes(path))
  const skipped: Skipped[] = []
  const texts = new Map<string, string>()
  for (const path of wanted) {
    const text = options.contents?.get(path) ?? (await readFile(join(folder, path), 'utf8').catch(() => null))
    if (text === null) continue
    const reason = DOCKERFILE.test(path) ? null : whyUnreadable(path, text)
    if (reason === null) texts.set(path, text)
    else skipped.push({ path, reason })
  }
  return { ...(await checkTexts(texts)), skipped }
}

/** The same for texts that are already there, by path. */
export async function checkTexts(texts: ReadonlyMap<string, string>): Promise<OtherFindings> {
  const findings: CodeFinding[] = []
  const skipped: Skipped[] = []
  for (const language of LANGUAGES) {
    const files: ReadFile[] = []
    for (const [path, text] of texts) {
      if (!language.files.test(path) || isTestPath(path)) continue
      await loadGrammar(language.grammar)
      const file = readSource(path, text, language)
      if (file === null) skipped.push({ path, reason: 'reading it took too long' })
      else files.push(file)
    }
    const summaries = summarise(files)
    for (const file of files) findings.push(...findIn(file, summaries))
  }
  for (const [path, text] of texts) {
    if (DOCKERFILE.test(path)) findings.push(...scriptFindings(path, text, checkDockerfile(text)))
    else if (SHELL.test(path) && !isTestPath(path)) {
      await loadGrammar('bash')
      const tree = parseSyntax('bash', text)
      if (tree === null) skipped.push({ path, reason: 'reading it took too long' })
      else findings.push(...scriptFindings(path, text, checkShell(tree.root, text)))
    }
  }
  for (const [path, text] of texts)
    if (!isTestPath(path)) findings.push(...scriptFindings(path, text, checkSecrets(path, text)))
  const lines = [...texts.values()].reduce((sum, text) => sum + text.split('\n').length, 0)
  return { findings: findings.map((finding) => ({ finding })), skipped, files: texts.size, lines, texts }
}

function scriptFindings(
  path: string,
  text: string,
  hits: ReturnType<typeof checkDockerfile>,
): readonly CodeFinding[] {
  return hits.map(({ rule, message, ...span }, index) =>
    patternFinding({ path, text }, rule, message, span, index),
  )
}
