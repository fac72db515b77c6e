import { expect, it } from 'vitest'
import { withoutDoubles, type Found } from './doubles.ts'

function found(
  by: string | undefined,
  weaknesses: readonly string[],
  line = 3,
  endLine = line,
  path = 'a.ts',
): Found {
  return {
    ...(by === undefined ? {} : { by }),
    weaknesses,
    finding: {
      rule: `${by ?? 'ours'}/rule`,
      cwe: weaknesses[0] ?? null,
      severity: 'error',
      message: 'm',
      location: { path, line, column: 1, endLine, endColumn: 2 },
      path: [],
      fingerprint: `${by}${line}`,
    },
  }
}
const kept = (...all: readonly Found[]): readonly (string | undefined)[] =>
  withoutDoubles(all).map(({ by }) => by)

const OURS = found(undefined, ['CWE-78'])

it.each([
  ['the same weakness', found('x', ['CWE-78'])],
  ['a parent of it', found('x', ['CWE-77'])],
  ['it among others', found('x', ['CWE-20', 'CWE-78'])],
  ['the whole statement', found('x', ['CWE-78'], 1, 5)],
])('takes %s at our place for ours', (_what, theirs) => {
  expect(kept(OURS, theirs)).toEqual([undefined])
})

it.each([
  ['another weakness', found('x', ['CWE-89'])],
  ['another line', found('x', ['CWE-78'], 4)],
  ['another file', found('x', ['CWE-78'], 3, 3, 'b.ts')],
  ['a whole file', found('x', ['CWE-78'], 1, 400)],
  ['no weakness', found('x', [])],
])('keeps %s', (_what, theirs) => {
  expect(kept(OURS, theirs)).toEqual([undefined, 'x'])
})

it('keeps two of one program, and the first of two programs', () => {
  expect(kept(OURS, found(undefined, ['CWE-78']))).toEqual([undefined, undefined])
  expect(kept(found('x', ['CWE-79']), found('x', ['CWE-79']), found('y', ['CWE-116']))).toEqual(['x', 'x'])
})

it('knows a place of several lines when the other lies within it', () => {
  expect(kept(found(undefined, ['CWE-89'], 2, 9), found('x', ['CWE-564'], 5))).toEqual([undefined])
})
