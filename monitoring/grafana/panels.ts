/** One picture of a dashboard. `queries`: PromQL by the legend of its lines; `{{label}}` stands for a label's value. */
export interface Panel {
  readonly title: string
  readonly help: string
  readonly kind: 'stat' | 'lines' | 'bars' | 'table'
  /** As Grafana names units. */
  readonly unit: 'short' | 'percentunit' | 'currencyUSD' | 's' | 'ops' | 'reqps' | 'bytes'
  readonly stacked?: boolean
  readonly queries: Readonly<Record<string, string>>
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly description: string
  /** The metric whose `agent` label the choice of agents is made of; `null`: there is no choice. */
  readonly agents: string | null
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[]
}

export const panelsOf = (...panels: readonly Panel[]): readonly Panel[] => panels

const TYPES = { stat: 'stat', lines: 'timeseries', bars: 'bargauge', table: 'table' } as const
const WIDTH = 24
const SOURCE = { type: 'prometheus', uid: '${source}' }

/** A dashboard as Grafana imports it (its JSON model, schema version 39: Grafana 10.1 and later). */
export function grafanaModel({ uid, title, description, agents, rows }: Dashboard): object {
  const panels: object[] = []
  let y = 0
  for (const row of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y: y++, w: WIDTH, h: 1 },
      panels: [],
    })
    let x = 0
    let tallest = 0
    for (const panel of row.panels) {
      const [w, h] = panel.kind === 'stat' ? [4, 4] : [12, 8]
      if (x + w > WIDTH) {
        x = 0
        y += tallest
        tallest = 0
      }
      panels.push({ id: panels.length + 1, ...panelModel(panel), gridPos: { x, y, w, h } })
      x += w
      tallest = Math.max(tallest, h)
    }
    y += tallest
  }
  const source = {
    name: 'source',
    label: 'Source',
    type: 'datasource',
    query: 'prometheus',
    current: {},
    hide: 0,
  }
  const agent = {
    name: 'agent',
    label: 'Agent',
    type: 'query',
    datasource: SOURCE,
    definition: `label_values(${agents}, agent)`,
    query: { query: `label_values(${agents}, agent)`, refId: 'agent' },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: ['All'], value: ['$__all'] },
  }
  return {
    uid,
    title,
    description,
    tags: ['belay'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    templating: { list: agents === null ? [source] : [source, agent] },
    annotations: { list: [] },
    links: [],
    panels,
  }
}

function panelModel({ title, help, kind, unit, stacked = false, queries }: Panel): object {
  const custom =
    kind === 'lines'
      ? {
          lineWidth: 1,
          fillOpacity: stacked ? 30 : 5,
          showPoints: 'never',
          stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
        }
      : {}
  return {
    type: TYPES[kind],
    title,
    description: help,
    datasource: SOURCE,
    targets: Object.entries(queries).map(([legend, expr], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: SOURCE,
      editorMode: 'code',
      expr,
      ...(legend !== '' && { legendFormat: legend }),
      ...(kind === 'lines' ? { range: true } : { instant: true, range: false }),
      ...(kind === 'table' && { format: 'table' }),
    })),
    fieldConfig: {
      defaults: { unit, min: kind === 'stat' ? undefined : 0, ...(kind === 'bars' && { max: 1 }), custom },
      overrides: [],
    },
    options:
      kind === 'stat' || kind === 'bars'
        ? {
            reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
            ...(kind === 'bars' && { orientation: 'horizontal', displayMode: 'basic' }),
          }
        : kind === 'lines'
          ? {
              legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
              tooltip: { mode: 'multi', sort: 'desc' },
            }
          : {},
    ...(kind === 'table' && {
      transformations: [{ id: 'organize', options: { excludeByName: { Time: true } } }],
    }),
  }
}
