import { digestOf } from '../action/digest.ts'
import type { JsonValue } from '../action/json.ts'
import { newAjv } from './input-schema.ts'
import type { PolicyFault } from './policy.ts'
import { documentFault } from './schema-faults.ts'
import { rubricSchema } from './schema-quality.ts'
import { readYaml } from './yaml-document.ts'

/** By what a judge scores: a file, read and checked. */
export interface Rubric {
  readonly name: string
  /** `sha256:…` over the canonical JSON of the file's content: its version. */
  readonly digest: string
  readonly description: string
  readonly criteria: readonly { readonly name: string; readonly text: string }[]
  /** What scores mean, from 0 to 100, ascending. */
  readonly scale: readonly { readonly score: number; readonly means: string }[]
  /** What a judge may call it. */
  readonly labels: readonly string[]
  /** A score below it is rejected, 0 … 100. */
  readonly threshold: number
  readonly examples: readonly RubricExample[]
}

export interface RubricExample {
  readonly about: string | null
  readonly content: JsonValue
  readonly score: number
  readonly label: string
  readonly explanation: string
}

interface RubricFile {
  readonly name: string
  readonly description: string
  readonly criteria: Rubric['criteria']
  readonly scale: Readonly<Record<string, string>>
  readonly labels: readonly string[]
  readonly threshold?: string
  readonly examples?: readonly (Omit<RubricExample, 'about'> & { readonly about?: string })[]
}

/** Rejected below this where neither the policy nor the rubric says more, percent. */
const DEFAULT_THRESHOLD = 10

/** Made when the first rubric is read: most policies have none. */
let validator: ReturnType<ReturnType<typeof newAjv>['compile']> | undefined

/** Reads a rubric's file. Never throws for what it holds: every fault is told with its place. */
export function readRubric(
  text: string,
  file: string,
): { readonly rubric: Rubric | null; readonly faults: readonly PolicyFault[] } {
  const { document, faults } = readYaml(text, file)
  if (document === null) return { rubric: null, faults }
  validator ??= newAjv({ allErrors: true, optimized: false, trusted: true }).compile(rubricSchema)
  const validate = validator
  if (!validate(document.content))
    return {
      rubric: null,
      faults: (validate.errors ?? []).slice(0, 20).map((error) => documentFault(error, document, file)),
    }
  const content = document.content as unknown as RubricFile
  const found: PolicyFault[] = []
  const report = (path: readonly (string | number)[], expected: string, got: string): void => {
    const at = document.position(path)
    found.push({ severity: 'error', code: 'policy:rubric', file, ...at, expected, found: got })
  }
  const labels = new Set(content.labels)
  const scale = Object.entries(content.scale)
    .map(([score, means]) => ({ score: Number(score), means }))
    .toSorted((a, b) => a.score - b.score)
  if (scale[0]?.score !== 0 || scale.at(-1)?.score !== 100)
    report(['scale'], 'scale: what 0 means and what 100 means', scale.map(({ score }) => score).join(', '))
  for (const [index, { label }] of (content.examples ?? []).entries())
    if (!labels.has(label))
      report(['examples', index, 'label'], `examples.${index}.label: one of ${[...labels].join(', ')}`, label)
  if (found.length > 0) return { rubric: null, faults: found }
  const rubric: Rubric = Object.freeze({
    name: content.name,
    digest: digestOf(document.content),
    description: content.description,
    criteria: content.criteria,
    scale,
    labels: content.labels,
    threshold: percentOf(content.threshold) ?? DEFAULT_THRESHOLD,
    examples: (content.examples ?? []).map((one) => ({ ...one, about: one.about ?? null })),
  })
  return { rubric, faults: [] }
}

/** The number of a text such as `10%`. */
export function percentOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text.slice(0, -1))
}
