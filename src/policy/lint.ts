import type { JsonObject, JsonValue } from '../action/json.ts'
import { isJsonObject } from '../action/json.ts'
import type { DetailedLoad } from './load-policy.ts'
import type { PolicyFault } from './policy.ts'
import type { DocumentPath, YamlDocument } from './yaml-document.ts'

/** A loaded policy under lint: its content, and where findings go. */
export class Lint {
  readonly load: DetailedLoad
  readonly content: JsonObject
  readonly #document: YamlDocument
  readonly #file: string
  readonly #found: PolicyFault[]

  constructor(load: DetailedLoad, document: YamlDocument, file: string, found: PolicyFault[]) {
    this.load = load
    this.content = document.content
    this.#document = document
    this.#file = file
    this.#found = found
  }

  error(path: DocumentPath, code: string, expected: string, found: string): void {
    this.#add('error', path, code, expected, found)
  }

  warning(path: DocumentPath, code: string, expected: string, found: string): void {
    this.#add('warning', path, code, expected, found)
  }

  #add(
    severity: PolicyFault['severity'],
    path: DocumentPath,
    code: string,
    expected: string,
    found: string,
  ): void {
    const position = this.#document.position(path, 'key')
    this.#found.push({
      severity,
      code: `lint:${code}`,
      file: this.#file,
      ...position,
      expected: `${path.join('.')}: ${expected}`,
      found,
    })
  }

  /** What the expression at the path gives whatever the action, if so. */
  constant(path: DocumentPath): unknown {
    const key = path.join('\n')
    return this.load.expressions.find((one) => one.path.join('\n') === key)?.expression.constant
  }
}

export function isZero(duration: JsonValue | undefined): boolean {
  return typeof duration === 'string' && /^0+[a-z]+$/.test(duration)
}

export function mapOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}

export function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : []
}

export function textsOf(value: JsonValue | undefined): readonly string[] {
  return listOf(value).filter((entry) => typeof entry === 'string')
}

export function entriesOf(value: JsonValue | undefined): readonly (readonly [string, JsonObject])[] {
  return Object.entries(mapOf(value)).map(([name, entry]) => [name, mapOf(entry)] as const)
}
