import { describe, expect, test } from 'vitest'
import { COMPLIANCE } from '../../src/code/packs/compliance/compliance.ts'
import { MISUSE } from '../../src/code/packs/misuse/misuse.ts'
import { PERFORMANCE } from '../../src/code/packs/performance/performance.ts'
import { SILENT_FAILURE } from '../../src/code/packs/silent-failure/silent-failure.ts'
import { programOf } from './program-of.ts'

const PACKS = [MISUSE, PERFORMANCE, SILENT_FAILURE, COMPLIANCE]
const SECONDS = 10

function run(...files: { path: string; text: string }[]): { rules: string[]; seconds: number } {
  const program = programOf(files)
  const started = process.cpuUsage()
  const rules = PACKS.flatMap((pack) => pack.run(program).map((each) => each.rule))
  const used = process.cpuUsage(started)
  return { rules, seconds: (used.user + used.system) / 1e6 }
}

const many = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join('')

describe('hostile input', () => {
  test.each([
    ['tables that never end', { path: 'a.sql', text: many(40_000, () => 'CREATE TABLE t (a text, ') }],
    ['quotes that never end', { path: 'a.sql', text: `CREATE TABLE t (a text ${"'".repeat(100_000)}` }],
    [
      'models that never end',
      { path: 'a.prisma', text: many(30_000, (index) => `model M${index} {\n  email String\n`) },
    ],
    [
      'a select of blanks',
      {
        path: 'a.js',
        text: `import pg from 'pg'\nconst p = new pg.Pool()\nexport const f = () => p.query('select${' '.repeat(300_000)}')`,
      },
    ],
    [
      'a comment of letters',
      {
        path: 'a.js',
        text: `import pg from 'pg'\nconst p = new pg.Pool()\nexport const f = () => { try { p.query('delete from t') } catch { /* ${'a'.repeat(300_000)} */ } }`,
      },
    ],
    [
      'functions that call each other round and round',
      {
        path: 'a.js',
        text: many(
          3_000,
          (index) =>
            `export async function f${index}(x) { await f${(index + 1) % 3_000}(x); await f${(index * 7) % 3_000}(x) }\n`,
        ),
      },
    ],
    [
      'a value that is made of itself',
      {
        path: 'a.js',
        text: `let a = b, b = a\nexport function f(req, res) { for (const x of a) { a = [...a, ...b]; res.json(a.map((y) => b.find((z) => z === y))) } }`,
      },
    ],
    [
      'loops in loops',
      {
        path: 'a.js',
        text: `export function f(req) { ${many(120, (index) => `for (const a${index} of req.body) `)} g() }`,
      },
    ],
  ])('%s: bounded time, no fault', (_, file) => {
    expect(run(file).seconds).toBeLessThan(SECONDS)
  })

  test('files that import each other', () => {
    const { seconds } = run(
      { path: 'a.js', text: "export * from './b.js'\nimport { x } from './b.js'\nexport const y = x" },
      { path: 'b.js', text: "export * from './a.js'\nimport { y } from './a.js'\nexport const x = y" },
      { path: 'c.js', text: "import { x, missing } from './a.js'\nx.findMany(); missing.save()" },
    )
    expect(seconds).toBeLessThan(SECONDS)
  })
})
