import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FOLLOWS } from '../src/action/lifecycle.ts'

const root = resolve(import.meta.dirname, '..')
const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
  )
}

const sources = filesBelow('src').filter((file) => file.endsWith('.ts'))
const shipped = sources.filter(
  (file) => !file.endsWith('.test.ts') && !file.startsWith('src/storage/contract'),
)

/** Every relative import of a file, as paths from the root; types included. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const found = text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)
  return [...found].map(([, path]) => relative(root, resolve(root, dirname(file), path as string)))
}

/** Who may import whom, by the longest matching prefix of the importing file. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/action/': ['src/action/', 'src/errors/'],
  'src/errors/': ['src/errors/'],
  'src/secrets/': ['src/secrets/'],
  'src/code/': ['src/code/', 'src/secrets/', 'src/errors/'],
  'src/policy/': ['src/policy/', 'src/action/', 'src/errors/'],
  'src/storage/': ['src/storage/', 'src/action/', 'src/errors/'],
  ...Object.fromEntries(
    ['verify', 'monitor', 'approve', 'contain', 'audit'].map((stage) => [
      `src/flow/${stage}/`,
      [
        `src/flow/${stage}/`,
        'src/flow/case.ts',
        'src/secrets/',
        'src/action/',
        'src/errors/',
        'src/policy/',
        'src/storage/store.ts',
      ],
    ]),
  ),
  'src/flow/': [
    'src/flow/',
    'src/secrets/',
    'src/action/',
    'src/errors/',
    'src/policy/',
    'src/storage/store.ts',
  ],
  'src/channels/': [
    'src/channels/',
    'src/flow/flow.ts',
    'src/flow/approve/announcer.ts',
    'src/flow/alarm-book.ts',
    'src/flow/monitor/baselines/anomaly.ts',
    'src/action/',
    'src/errors/',
    'src/policy/',
  ],
  'src/entry/': [
    'src/entry/',
    'src/channels/',
    'src/code/',
    'src/secrets/',
    'src/flow/',
    'src/action/',
    'src/errors/',
    'src/policy/',
    'src/storage/store.ts',
  ],
  'src/entry/harness.ts': [
    'src/entry/',
    'src/flow/',
    'src/action/',
    'src/errors/',
    'src/policy/',
    'src/storage/',
  ],
  'src/entry/cli/demo': ['src/entry/', 'src/demo/', 'src/flow/', 'src/action/', 'src/errors/', 'src/policy/'],
  'src/demo/': ['src/demo/', 'src/entry/'],
  'src/index.ts': ['src/entry/sdk/', 'src/action/', 'src/errors/', 'src/policy/', 'src/flow/'],
}

describe('the architecture', () => {
  it.each(shipped)('%s imports in the direction of the flow', (file) => {
    const rule = Object.keys(MAY_IMPORT)
      .filter((prefix) => file.startsWith(prefix))
      .sort((a, b) => b.length - a.length)[0]
    expect(rule, `no rule for ${file}`).toBeDefined()
    const allowed = MAY_IMPORT[rule as string] as readonly string[]
    const wrong = importsOf(file).filter((path) => !allowed.some((prefix) => path.startsWith(prefix)))
    expect(wrong).toEqual([])
  })

  it('has the tree that ARCHITECTURE.md shows', () => {
    const block = /```\n(bin\/belay\.js[\s\S]*?)```/.exec(page)?.[1] ?? ''
    const path: string[] = []
    const shown: string[] = []
    for (const line of block.split('\n').filter((one) => one.trim() !== '')) {
      const [, indent, name] = /^( *)(\S+)/.exec(line) as RegExpExecArray & [string, string, string]
      path.length = (indent ?? '').length / 2
      path.push((name ?? '').replace(/\/$/, ''))
      shown.push(path.join('/'))
    }
    expect(shown.filter((place) => !existsSync(join(root, place)))).toEqual([])
    const folders = (parent: string): string[] =>
      readdirSync(join(root, parent))
        .filter((name) => statSync(join(root, parent, name)).isDirectory())
        .map((name) => `${parent}/${name}`)
    const real = [
      ...folders('src'),
      ...folders('src/flow'),
      ...folders('src/entry'),
      ...folders('src/storage'),
    ]
    expect(real.filter((place) => !shown.includes(place))).toEqual([])
  })

  it('has the lifecycle that ARCHITECTURE.md shows', () => {
    const rows = [...page.matchAll(/^\| `(\w+)` *\| (.*)\|$/gm)].map(([, from, to]) => [
      from,
      [...(to ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name),
    ])
    expect(Object.fromEntries(rows)).toEqual(FOLLOWS)
  })

  it('makes approved actions in the approve stage only', () => {
    const makers = shipped.filter((file) =>
      /as ApprovedAction\b/.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(makers).toEqual(['src/flow/approve/permit.ts'])
  })

  it('has no cycle between folders', () => {
    const folderOf = (file: string): string => dirname(file).split('/').slice(0, 3).join('/')
    const edges = new Map<string, Set<string>>()
    for (const file of shipped) {
      for (const target of importsOf(file)) {
        const [from, to] = [folderOf(file), folderOf(target)]
        if (from !== to && ![from, to].some((one) => one === 'src/flow' || one === 'src/code'))
          (edges.get(from) ?? edges.set(from, new Set()).get(from))?.add(to)
      }
    }
    const cycles: string[] = []
    const visit = (folder: string, trail: readonly string[]): void => {
      if (trail.includes(folder)) cycles.push([...trail.slice(trail.indexOf(folder)), folder].join(' → '))
      else for (const next of edges.get(folder) ?? []) visit(next, [...trail, folder])
    }
    for (const folder of edges.keys()) visit(folder, [])
    expect(cycles).toEqual([])
  })

  it('has no file without a name and none that is too long', () => {
    const vague = sources.filter((file) =>
      /(^|\/)(utils?|helpers?|common|misc|shared|types)(\.ts|\/)/.test(file),
    )
    const long = shipped.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 401)
    expect({ vague, long }).toEqual({ vague: [], long: [] })
  })
})
