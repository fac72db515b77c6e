import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The files that take longest, measured on two processors: begun late, one of them would run alone at the end. */
const LONGEST = [
  'test/proofs/kill.test.ts',
  'test/proofs/random-schedules.test.ts',
  'test/console/approvals.test.ts',
  'test/cli.test.ts',
  'test/browser-sessions/browser-sessions.test.ts',
  'src/storage/postgres/postgres.test.ts',
  'test/model-gateway/faults.test.ts',
  'test/policy-commands.test.ts',
  'test/examples.test.ts',
  'test/demo.test.ts',
  'test/proofs/bad-input.test.ts',
  'test/browser-sessions/browser-doors.test.ts',
  'test/proofs/ledger-tamperings.test.ts',
  'test/ledger-tampering.test.ts',
  'test/supervisor/supervisor.test.ts',
  'src/storage/sqlite/sqlite.test.ts',
  'src/entry/sdk/judged-result.test.ts',
  'test/contain/run.test.ts',
  'test/console/settings.test.ts',
  'test/flow/life-of-an-action.test.ts',
  'test/quality/after.test.ts',
  'test/hooks/agents.test.ts',
  'test/mcp-gateway/stdio.test.ts',
  'test/model-gateway/meter.property.test.ts',
]

/** Begins with the longest files, and goes on as Vitest does. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}`))
      return at === -1 ? LONGEST.length : at
    }
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}
