import { pathToFileURL } from 'node:url'
import type { CodeFinding, CodeSeverity, FindingStep } from '../finding.ts'
import type { Location } from '../flow-graph/module.ts'
import type { RuleInfo } from '../pack.ts'
import type { CheckReport, ReportedFinding } from './check-report.ts'

/** GitHub and others sort by CVSS-like numbers; ours only say error, warning or note. */
const SECURITY_SEVERITY: Readonly<Record<CodeSeverity, string>> = {
  error: '8.5',
  warning: '5.5',
  note: '2.5',
}

/** The report as SARIF 2.1.0 (OASIS): rules with their CWE, code flows, fingerprints, fixes, suppressions. */
export function sarifReport(report: CheckReport, version: string): object {
  const rules = rulesOf(report)
  const index = new Map(rules.map((rule, at) => [rule.id, at]))
  const weaknesses = [...new Set(rules.flatMap(({ cwe }) => (cwe === null ? [] : [cwe])))].toSorted(byNumber)
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'belay check',
            semanticVersion: version,
            rules: rules.map(ruleObject),
            supportedTaxonomies: weaknesses.length === 0 ? [] : [{ name: 'CWE', index: 0 }],
          },
        },
        ...(weaknesses.length === 0 ? {} : { taxonomies: [taxonomy(weaknesses)] }),
        invocations: [
          {
            executionSuccessful: true,
            toolExecutionNotifications: report.skipped.map(({ path, reason }) => ({
              level: 'note',
              message: { text: path === '' ? reason : `${path}: ${reason}` },
              ...(path === ''
                ? {}
                : { locations: [{ physicalLocation: { artifactLocation: artifact(path) } }] }),
            })),
          },
        ],
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: { SRCROOT: { uri: `${pathToFileURL(report.folder).href.replace(/\/$/, '')}/` } },
        results: report.findings.map((each) => result(each, index.get(each.finding.rule), report)),
      },
    ],
  }
}

/** The rules of the run, and for findings of other programs what is known of theirs. */
function rulesOf({ rules, findings }: CheckReport): readonly RuleInfo[] {
  const known = new Map(rules.map((rule) => [rule.id, rule]))
  for (const { finding } of findings) {
    const { rule, cwe, severity } = finding
    if (!known.has(rule)) known.set(rule, { id: rule, title: rule, cwe, tags: [], severity, help: '' })
  }
  return [...known.values()]
}

function ruleObject({ id, title, cwe, tags, severity, help }: RuleInfo): object {
  return {
    id,
    name: pascalCase(id),
    shortDescription: { text: title },
    ...(help === '' ? {} : { help: { text: help } }),
    defaultConfiguration: { level: severity },
    properties: {
      tags: [...(cwe === null ? [] : ['security', `external/cwe/${cwe.toLowerCase()}`]), ...tags],
      ...(cwe === null ? {} : { 'security-severity': SECURITY_SEVERITY[severity] }),
    },
    ...(cwe === null
      ? {}
      : { relationships: [{ target: { id: cwe, toolComponent: { name: 'CWE' } }, kinds: ['superset'] }] }),
  }
}

function taxonomy(weaknesses: readonly string[]): object {
  return {
    name: 'CWE',
    organization: 'MITRE',
    shortDescription: { text: 'Common Weakness Enumeration' },
    informationUri: 'https://cwe.mitre.org/',
    taxa: weaknesses.map((id) => ({
      id,
      helpUri: `https://cwe.mitre.org/data/definitions/${id.replace(/\D/g, '')}.html`,
    })),
  }
}

function result(
  { finding, standing, by }: ReportedFinding,
  ruleIndex: number | undefined,
  report: CheckReport,
): object {
  const { rule, cwe, severity, message, location, path, fix, fingerprint } = finding
  return {
    ruleId: rule,
    ...(ruleIndex === undefined ? {} : { ruleIndex }),
    level: severity,
    message: { text: fix === undefined ? message : `${message} ${fix.text}` },
    locations: [place(location)],
    partialFingerprints: { 'belay/v1': fingerprint },
    ...(cwe === null ? {} : { taxa: [{ id: cwe, toolComponent: { name: 'CWE' } }] }),
    ...(path.length < 2 ? {} : { codeFlows: [codeFlow(path)] }),
    ...fixes(finding),
    ...(report.compared ? { baselineState: standing.name === 'new' ? 'new' : 'unchanged' } : {}),
    suppressions:
      standing.name === 'suppressed'
        ? [{ kind: 'inSource', status: 'accepted', justification: standing.reason }]
        : standing.name === 'known'
          ? [{ kind: 'external', status: 'accepted', justification: 'listed in the baseline' }]
          : [],
    ...(by === undefined ? {} : { properties: { foundBy: by } }),
  }
}

function codeFlow(path: readonly FindingStep[]): object {
  return {
    threadFlows: [
      {
        locations: path.map((step, at) => ({
          location: place(step.location, step.message),
          executionOrder: at + 1,
          importance: at === 0 || at === path.length - 1 ? 'essential' : 'important',
        })),
      },
    ],
  }
}

function fixes({ fix }: CodeFinding): object {
  if (fix?.edits === undefined || fix.edits.length === 0) return {}
  const byPath = Map.groupBy(fix.edits, ({ path }) => path)
  return {
    fixes: [
      {
        description: { text: fix.text },
        artifactChanges: [...byPath].map(([path, edits]) => ({
          artifactLocation: artifact(path),
          replacements: edits.map(({ at, end, text }) => ({
            deletedRegion: { charOffset: at, charLength: end - at },
            insertedContent: { text },
          })),
        })),
      },
    ],
  }
}

function place({ path, line, column, endLine, endColumn }: Location, message = ''): object {
  return {
    physicalLocation: {
      artifactLocation: artifact(path),
      region: { startLine: line, startColumn: column, endLine, endColumn },
    },
    ...(message === '' ? {} : { message: { text: message } }),
  }
}

function artifact(path: string): object {
  return { uri: path.split('/').map(encodeURIComponent).join('/'), uriBaseId: 'SRCROOT' }
}

function pascalCase(id: string): string {
  return id
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')
}

function byNumber(a: string, b: string): number {
  return Number(a.replace(/\D/g, '')) - Number(b.replace(/\D/g, ''))
}
