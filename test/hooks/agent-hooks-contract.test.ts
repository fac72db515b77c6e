import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../src/action/digest.ts'
import type { JsonObject } from '../../src/action/json.ts'
import { contextIdentity, readContext } from '../../src/entry/hooks/contract/agent-context.ts'
import { runVector } from './agent-hooks/run-vector.ts'
import { valueAt, type ExpectedContext, type ExpectedRecord, type Vector } from './agent-hooks/vector.ts'

/** The vectors of responsibleai/agent-hooks and its golden identities, which are not part of this repository. */
const FOLDER =
  process.env['AGENT_HOOKS_VECTORS'] ?? join(import.meta.dirname, '../../../shared/data/agent-hooks')
const there = existsSync(join(FOLDER, 'vectors'))

/** What this host declares. JSON.parse rounds great integers. */
const CAPABILITIES = ['model_calls', 'tool_calls', 'incremental_output']
const UNDECLARED = ['int64_json', 'bigint_json']

/** The golden identity that no right reading of its own text gives. */
const MISREAD = 'G-15-rfc8785-numbers'

interface Golden {
  readonly id: string
  readonly ctx: JsonObject
  readonly expect: {
    readonly canonical_json?: string
    readonly context_identity?: string
    readonly error?: string
  }
}

const vectors: readonly Vector[] = there
  ? readdirSync(join(FOLDER, 'vectors'))
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => JSON.parse(readFileSync(join(FOLDER, 'vectors', name), 'utf8')) as Vector)
  : []
const golden: readonly Golden[] = there
  ? (JSON.parse(readFileSync(join(FOLDER, 'golden-identity.json'), 'utf8')) as { fixtures: Golden[] })
      .fixtures
  : []
const applies = ({ capabilities }: Vector): boolean =>
  capabilities.every((name) => CAPABILITIES.includes(name))

describe.skipIf(!there)(
  'agent-hooks 0.1 (skipped where its vectors are not: see AGENT_HOOKS_VECTORS)',
  () => {
    test('every vector is either run or needs what this host does not declare', () => {
      expect(vectors.length).toBeGreaterThan(0)
      for (const { capabilities } of vectors)
        for (const name of capabilities) expect([...CAPABILITIES, ...UNDECLARED]).toContain(name)
      expect([vectors.length, vectors.filter(applies).length]).toEqual([51, 48])
    })

    test.each(vectors.filter(applies).map((vector) => [vector.id, vector.title, vector] as const))(
      '%s %s',
      async (_id, _title, vector) => {
        expect(await deviations(vector)).toEqual([])
      },
    )

    // Rounded by JSON.parse they are beyond the bound still: not a claim to the capability, and refused all the same.
    test.each(
      vectors
        .filter(({ capabilities }) => capabilities.some((name) => name.endsWith('_json')))
        .map((vector) => [vector.id, vector] as const),
    )('%s: what was rounded is refused', async (_id, vector) => {
      expect(await deviations(vector)).toEqual([])
    })

    test.each(golden.filter(({ id }) => id !== MISREAD).map((fixture) => [fixture.id, fixture] as const))(
      'golden %s',
      (_id, { ctx, expect: want }) => {
        const context = readContext(ctx)
        const identity = context === undefined ? undefined : contextIdentity(context)
        expect(identity).toBe(want.context_identity)
        expect(identity === undefined).toBe(want.error !== undefined)
        if (want.canonical_json !== undefined) expect(canonicalJson(ctx)).toBe(want.canonical_json)
      },
    )

    // Its generator read 9.999999999999997e+22, a sample of RFC 8785's appendix B, as the double below that one.
    test(`golden ${MISREAD}: the identity is that of the number that its generator read`, () => {
      const fixture = golden.find(({ id }) => id === MISREAD)
      const text = JSON.stringify(fixture?.ctx)
      expect(text).toContain('9.999999999999997e+22')
      const read = readContext(JSON.parse(text.replaceAll('9.999999999999997e+22', '9.999999999999996e+22')))
      expect(contextIdentity(read!)).toBe(fixture?.expect.context_identity)
    })
  },
)

/** What of a run is not as the vector demands. */
async function deviations(vector: Vector): Promise<readonly string[]> {
  const want = vector.expect
  const run = await runVector(vector)
  const points = run.contexts.map(({ interception_point }) => interception_point)
  const invoked = run.invocations.map(({ name }) => name)
  const sequences = run.contexts.map(({ sequence }) => sequence)
  const unbound = run.records.filter((record) => record['input_identity'] !== record['enforced_identity'])
  const found: string[] = []
  const same = (what: string, got: unknown, wanted: unknown): void => {
    if (wanted !== undefined && !isDeepStrictEqual(got, wanted))
      found.push(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`)
  }
  if (want.sequence_strict === true)
    same(
      'points',
      points,
      want.interceptions?.map(({ interception_point }) => interception_point),
    )
  found.push(...missing(run.contexts, want.interceptions ?? [], isContext))
  found.push(...missing(run.records, want.records ?? [], isRecord))
  for (const point of want.interceptions_absent ?? []) same(point, points.includes(point as never), false)
  for (const name of want.tool_not_invoked ?? []) same(name, invoked.includes(name), false)
  for (const context of run.contexts) same('context', readContext(context), context)
  same(
    'sequence',
    sequences,
    [...new Set(sequences)].sort((a, b) => a - b),
  )
  same('tools', run.invocations, want.tool_invocations)
  same('outcome', run.outcome, want.run_outcome)
  same('output', run.finalOutput, want.final_output)
  same('released', run.released, want.released_output)
  for (const part of want.persisted_must_not_contain ?? [])
    same(`${part} is kept`, JSON.stringify(run.persisted).includes(part), false)
  same('identities are equal', unbound.length === 0, want.identities_equal)
  return found
}

/** Each expectation is met by something that comes after what met the one before it. */
function missing<Got, Want>(
  got: readonly Got[],
  wanted: readonly Want[],
  meets: (got: Got, want: Want) => boolean,
): readonly string[] {
  let from = 0
  for (const want of wanted) {
    const at = got.findIndex((one, index) => index >= from && meets(one, want))
    if (at === -1) return [`${JSON.stringify(want)} is not in ${JSON.stringify(got.slice(from))}`]
    from = at + 1
  }
  return []
}

function isContext(context: JsonObject, want: ExpectedContext): boolean {
  const text = JSON.stringify(context)
  return (
    context['interception_point'] === want.interception_point &&
    holds(context, want.context) &&
    (want.context_must_contain ?? []).every((part) => text.includes(part)) &&
    (want.context_must_not_contain ?? []).every((part) => !text.includes(part))
  )
}

function isRecord(record: JsonObject, want: ExpectedRecord): boolean {
  return (
    record['interception_point'] === want.interception_point &&
    holds(record, want.assert) &&
    (want.present ?? []).every((path) => valueAt(record, path) !== undefined) &&
    (want.absent ?? []).every((path) => valueAt(record, path) === undefined)
  )
}

function holds(value: JsonObject, members: JsonObject = {}): boolean {
  return Object.entries(members).every(([path, want]) => isDeepStrictEqual(valueAt(value, path), want))
}
