import type { Effects } from '../effects/effects.ts'
import { effectsOf } from '../effects/effects.ts'
import type { CodeEdit, CodeFinding, FindingStep } from '../finding.ts'
import { fingerprintOf } from '../fingerprint.ts'
import type { Span } from '../flow-graph/expressions.ts'
import { locate, type Module } from '../flow-graph/module.ts'
import type { Pack, RuleInfo } from '../pack.ts'

/** What a rule has found, before it is told. */
export interface Hit {
  readonly module: Module
  readonly span: Span
  readonly message: string
  readonly path?: readonly FindingStep[]
  /** When the rule's own help can be said better for this place. */
  readonly fix?: string
  /** What removes the cause, when it can be applied as it is. */
  readonly edits?: readonly CodeEdit[]
}

export interface Rule {
  readonly info: RuleInfo
  find(effects: Effects): Iterable<Hit>
}

/**
 * A pack of rules that look at what functions do; test code is left out. Where `python` is given, the other rules know
 * JavaScript only, and what they would say of Python is not told.
 */
export function packOf(name: string, rules: readonly Rule[], python?: readonly Rule[]): Pack {
  return {
    name,
    rules: rules.map((rule) => rule.info),
    run(program) {
      const effects = effectsOf(program)
      const findings: CodeFinding[] = []
      for (const rule of rules) {
        const seen = new Map<string, number>()
        for (const hit of rule.find(effects)) {
          if (hit.module.test) continue
          if (hit.module.language === 'python' && python?.includes(rule) === false) continue
          const key = `${hit.module.path}:${hit.span.at}`
          if (seen.has(key)) continue
          seen.set(key, 1)
          const code = `${hit.module.path}\n${hit.module.text.slice(hit.span.at, hit.span.end)}`
          const occurrence = seen.get(code) ?? 0
          seen.set(code, occurrence + 1)
          findings.push(told(rule.info, hit, occurrence))
        }
      }
      return findings
    },
  }
}

function told(info: RuleInfo, hit: Hit, occurrence: number): CodeFinding {
  return {
    rule: info.id,
    cwe: info.cwe,
    severity: info.severity,
    message: hit.message,
    location: locate(hit.module, hit.span),
    path: hit.path ?? [],
    fix: {
      text: hit.fix ?? info.help,
      ...(hit.edits === undefined || hit.edits.length === 0 ? {} : { edits: hit.edits }),
    },
    fingerprint: fingerprintOf(info.id, hit.module, hit.span, occurrence),
  }
}
