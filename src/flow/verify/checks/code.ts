import { isJsonObject, type JsonObject, type JsonValue } from '../../../action/json.ts'
import type { Check, CheckFinding } from '../../../policy/check.ts'

const RANK: Readonly<Record<string, number>> = { note: 0, warning: 1, error: 2 }
const MAX_EVIDENCE = 20

/**
 * Refuses a change of code that adds findings. The door that brings a `code.change` has had the code checked: what it
 * found, and whether it could look at all, is in the input; this check only says what is too much.
 */
export const code: Check = {
  name: 'code',
  options: {
    type: 'object',
    additionalProperties: false,
    properties: {
      fail_on: {
        type: 'string',
        enum: ['error', 'warning', 'note'],
        description: 'The least severity that a new finding must have. Default: error.',
      },
      unchecked: {
        type: 'string',
        enum: ['deny', 'require_approval', 'allow'],
        description: 'A change that could not be checked. Default: deny.',
      },
      ignore: {
        type: 'array',
        items: { type: 'string', minLength: 1 },
        description: 'Rules that do not count: performance/query-in-loop, performance/*.',
      },
    },
  },
  prepare({ fail_on: failOn = 'error', unchecked = 'deny', ignore }) {
    const least = RANK[failOn as string] ?? 2
    const ignored = Array.isArray(ignore) ? (ignore as readonly string[]) : []
    return ({ input }) => {
      const findings: CheckFinding[] = []
      if (input['checked'] !== true || !Array.isArray(input['findings'])) {
        if (unchecked !== 'allow')
          findings.push({
            code: 'code:not_checked',
            message: 'The change could not be checked.',
            decision: unchecked as 'deny' | 'require_approval',
          })
        return findings
      }
      const found = (input['findings'] as readonly JsonValue[]).map(severe)
      // What is no finding may be one that somebody has bent: it counts as the worst.
      const counted = found.filter(
        ({ rank, rule }) => rank >= least && !ignored.some((name) => names(name, rule)),
      )
      if (counted.length > 0)
        findings.push({
          code: 'code:found',
          message: `The change adds ${told(counted)} to the code.`,
          evidence: { findings: counted.slice(0, MAX_EVIDENCE).map(({ finding }) => finding) },
        })
      return findings
    }
  },
}

interface Severe {
  readonly finding: JsonObject
  readonly rank: number
  readonly rule: string
}

function severe(value: JsonValue): Severe {
  const finding = isJsonObject(value) ? value : {}
  const { severity, rule } = finding
  return {
    finding,
    rank: typeof severity === 'string' ? (RANK[severity] ?? 2) : 2,
    rule: typeof rule === 'string' ? rule : '',
  }
}

function names(name: string, rule: string): boolean {
  return name === rule || (name.endsWith('/*') && rule.startsWith(name.slice(0, -1)))
}

function told(counted: readonly Severe[]): string {
  return ['note', 'warning', 'error']
    .flatMap((severity, rank) => {
      const number = counted.filter((each) => each.rank === rank).length
      return number === 0 ? [] : [`${number} ${severity}${number === 1 ? '' : 's'}`]
    })
    .toReversed()
    .join(', ')
}
