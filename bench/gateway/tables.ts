import type { Contender } from './contenders.ts'
import type { Slice, StreamSlice } from './slices.ts'

export function callTable(title: string, rows: ReadonlyMap<Contender['name'], Slice>): string {
  const bare = rows.get('direct')
  const nginx = rows.get('nginx')
  const portkey = rows.get('Portkey')
  return table(
    title,
    [
      '',
      'rps',
      'p50 ms',
      'p99 ms',
      'added p50 µs',
      'CPU µs a call',
      'RSS MB',
      'of nginx',
      '× Portkey',
      'failed',
      'others used',
    ],
    [...rows].map(([name, row]) => [
      name,
      row.rps.toFixed(0),
      row.p50.toFixed(2),
      row.p99.toFixed(2),
      name === 'direct' || bare === undefined ? '–' : ((row.p50 - bare.p50) * 1000).toFixed(0),
      name === 'direct' ? '–' : row.cpu.toFixed(0),
      name === 'direct' ? '–' : row.rss.toFixed(0),
      share(row.rps, nginx?.rps),
      portkey === undefined ? '–' : (row.rps / portkey.rps).toFixed(1),
      String(row.failed),
      share(row.foreign, 1),
    ]),
  )
}

export function streamTable(title: string, rows: ReadonlyMap<Contender['name'], StreamSlice>): string {
  const nginx = rows.get('nginx')
  return table(
    title,
    ['', 'tokens/s', 'CPU µs a token', '× nginx', 'first token p50 ms', 'failed', 'others used'],
    [...rows].map(([name, row]) => [
      name,
      row.tokensPerSecond.toFixed(0),
      name === 'direct' ? '–' : row.cpu.toFixed(1),
      name === 'direct' || nginx === undefined ? '–' : (row.cpu / nginx.cpu).toFixed(2),
      row.firstP50.toFixed(2),
      String(row.failed),
      share(row.foreign, 1),
    ]),
  )
}

function share(part: number, whole: number | undefined): string {
  return whole === undefined ? '–' : `${((part / whole) * 100).toFixed(0)}%`
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map((_, at) => (at === 0 ? '---' : '---:')), ...rows]
  return `${title}\n\n${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}\n`
}
