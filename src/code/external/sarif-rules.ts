import type { CodeSeverity } from '../finding.ts'
import { at, list, object, words, type Json } from './hostile-json.ts'

const MAX_TAGS = 50
/** Of a tool, and of taxonomies; they are looked through for each result. */
const MAX_COMPONENTS = 100

interface Component {
  readonly name: unknown
  readonly rules: readonly Json[]
}

function component(given: Json): Component {
  return { name: given['name'], rules: list(given['rules']) }
}

/** The rules of one run: of the driver, and of the extensions that programs with packs of queries put them into. */
export class SarifRules {
  private readonly driver: Json
  private readonly extensions: readonly Component[]
  private readonly own: Component
  private readonly taxonomies: readonly Json[]
  private readonly taxaOf = new Map<Json, readonly Json[]>()
  private readonly levels = new Map<string, unknown>()
  private readonly byId = new Map<string, Json>()

  constructor(run: Json) {
    const tool = object(run['tool'])
    this.driver = object(tool['driver'])
    this.own = component(this.driver)
    this.extensions = list(tool['extensions']).slice(0, MAX_COMPONENTS).map(component)
    this.taxonomies = list(run['taxonomies']).slice(0, MAX_COMPONENTS)
    for (const override of list(run['invocations']).flatMap((each) =>
      list(each['ruleConfigurationOverrides']),
    ))
      this.levels.set(words(object(override['descriptor'])['id']), object(override['configuration'])['level'])
    for (const { rules } of [...this.extensions, this.own])
      for (const rule of rules) this.byId.set(words(rule['id']), rule)
  }

  /** The id that a result names, and what is known of its rule; an empty object where nothing is. */
  of(result: Json): { readonly id: string; readonly rule: Json } {
    const reference = object(result['rule'])
    const given = words(result['ruleId'] ?? reference['id'])
    const { rules } = this.component(object(reference['toolComponent']))
    const placed = at(rules, result['ruleIndex'] ?? reference['index'])
    // `CA1000/1` is a part of the rule CA1000, SARIF 2.1.0 §3.27.5.
    const named = this.byId.get(given) ?? this.byId.get(given.slice(0, Math.max(0, given.lastIndexOf('/'))))
    const id = given === '' ? words(placed['id']) : given
    return { id, rule: words(placed['id']) === id ? placed : (named ?? placed) }
  }

  /** From the taxa of the result and the relations, tags and properties of its rule, wherever programs put it. */
  weaknessesOf(result: Json, rule: Json): readonly string[] {
    const properties = [object(rule['properties']), object(result['properties'])]
    const named = [
      ...list(result['taxa']).map((taxon) => this.taxon(taxon)),
      ...list(rule['relationships']).map((relation) => this.taxon(object(relation['target']))),
      ...properties.flatMap((each) => [
        each['tags'],
        ...Object.keys(each)
          .filter((key) => /^cwe/i.test(key))
          .slice(0, MAX_TAGS)
          .map((key) => (/^\d+$/.test(words(each[key])) ? `CWE-${words(each[key])}` : each[key])),
      ]),
    ]
    const numbers = named
      .flatMap((each) => (Array.isArray(each) ? (each as readonly unknown[]).slice(0, MAX_TAGS) : [each]))
      .slice(0, 4 * MAX_TAGS)
      .flatMap((each) => /cwe[-_:/ ]*(?:cwe[-_:/ ]*)?0*(\d{1,5})/i.exec(words(each).slice(0, 200))?.[1] ?? [])
    return [...new Set(numbers.map((number) => `CWE-${number}`))]
  }

  /** The level of a result, else the one that its rule has in this run, else what its score says. */
  severityOf(result: Json, rule: Json): CodeSeverity {
    const level =
      result['level'] ??
      (rule['id'] === undefined ? undefined : this.levels.get(words(rule['id']))) ??
      object(rule['defaultConfiguration'])['level']
    // What somebody has to look at before it counts (§3.27.9) fails nobody's check.
    if (result['kind'] === 'review' || result['kind'] === 'open') return 'note'
    if (level === 'error' || level === 'warning') return level
    if (level === 'note' || level === 'none') return 'note'
    const score = Number.parseFloat(words(object(rule['properties'])['security-severity']))
    return score >= 7 ? 'error' : score < 4 ? 'note' : 'warning'
  }

  /** A text that rules and results refer to by its id. */
  messageString(rule: Json, id: unknown): unknown {
    return [rule['messageStrings'], this.driver['globalMessageStrings']]
      .map((strings) => object(object(strings)[words(id)]))
      .map((string) => string['text'] ?? string['markdown'])
      .find((text) => text !== undefined)
  }

  private component({ index, name }: Json): Component {
    const found =
      typeof index === 'number'
        ? this.extensions[index]
        : this.extensions.find((each) => name !== undefined && each.name === name)
    return found ?? this.own
  }

  private taxa(taxonomy: Json): readonly Json[] {
    const known = this.taxaOf.get(taxonomy) ?? list(taxonomy['taxa'])
    this.taxaOf.set(taxonomy, known)
    return known
  }

  private taxon({ id, index, toolComponent }: Json): string {
    const reference = object(toolComponent)
    const taxonomy =
      this.taxonomies.find((each) => reference['guid'] !== undefined && each['guid'] === reference['guid']) ??
      at(this.taxonomies, reference['index'])
    if ((reference['name'] ?? taxonomy['name']) !== 'CWE') return ''
    return `CWE-${words(id ?? at(this.taxa(taxonomy), index)['id']).replace(/^cwe-?/i, '')}`
  }
}
