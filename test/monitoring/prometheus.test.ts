import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { DASHBOARDS } from '../../monitoring/grafana/dashboards.ts'
import { grafanaModel } from '../../monitoring/grafana/panels.ts'
import { ApiClient } from '../../src/entry/sdk/api-client.ts'
import { policyFor } from '../model-gateway/drive.ts'
import { startProvider, type Provider } from '../model-gateway/provider/provider.ts'
import { startGateway, type TestGateway } from '../setup/gateway.ts'
import { ADMIN } from '../setup/http-server.ts'
import { findPrometheus, startPrometheus, type RunningPrometheus } from '../setup/start-prometheus.ts'

const MONITORING = join(import.meta.dirname, '../../monitoring')
const TESTS = ['belay.rules.test.yml', 'belay.days.test.yml']
const run = promisify(execFile)

describe('the rules', () => {
  test('fire when they should and only then, as promtool has it', async () => {
    const { promtool } = await findPrometheus()
    const cwd = join(MONITORING, 'prometheus')
    for (const file of TESTS) {
      const { stderr, stdout } = await run(promtool, ['test', 'rules', file], { cwd })
      expect(stdout + stderr).toContain('SUCCESS')
    }
  })

  test('each alert is one of the tested, says what happens and what to do', () => {
    const rules = readFileSync(join(MONITORING, 'prometheus/belay.rules.yml'), 'utf8')
    const tested = TESTS.map((file) => readFileSync(join(MONITORING, 'prometheus', file), 'utf8')).join('')
    const alerts = [...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name!)
    expect(alerts.length).toBeGreaterThan(10)
    expect(alerts.filter((name) => !tested.includes(`alertname: ${name}\n`))).toEqual([])
    expect(rules.match(/ {10}description: /g)?.length).toBe(alerts.length)
  })
})

describe('the dashboards', () => {
  let provider: Provider
  let gateway: TestGateway
  let prometheus: RunningPrometheus
  let admin: ApiClient
  let folder: string

  beforeAll(async () => {
    provider = await startProvider()
    const actions = `  mail.send: { effect: write, approve: [{ when: 'input.to != "me"', by: [ops] }] }
  note.add: { effect: write }
  note.drop: { effect: write, verify: [{ rule: { when: 'true', then: deny, code: 'note:kept', message: Notes are kept. } }] }
approvers: { ops: { members: [olga] } }
`
    const agent = '{ budget: [{ limit_usd: 100, per: day }], rate: [{ limit: 1000, per: hour }] }'
    gateway = await startGateway(policyFor(provider, { actions, agent }), provider)
    admin = new ApiClient(gateway.url, ADMIN)
    folder = mkdtempSync(join(tmpdir(), 'belay-prometheus-'))
    cpSync(join(MONITORING, 'prometheus/belay.rules.yml'), join(folder, 'belay.rules.yml'))
    writeFileSync(join(folder, 'token'), ADMIN)
    // The file that is published, with this harness in it and shorter times.
    const config = readFileSync(join(MONITORING, 'prometheus/prometheus.yml'), 'utf8')
      .replaceAll('15s', '1s')
      .replace('/etc/prometheus/belay.token', join(folder, 'token'))
      .replace('127.0.0.1:7300', new URL(gateway.url).host)
    writeFileSync(join(folder, 'prometheus.yml'), config)
    prometheus = await startPrometheus(join(folder, 'prometheus.yml'), join(folder, 'data'))
  })
  afterAll(async () => {
    await prometheus.close()
    await gateway.close()
    await provider.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** What agents do in a minute of their lives. */
  async function live(): Promise<void> {
    const key = await gateway.key('writer')
    const agent = new ApiClient(gateway.url, key)
    const act = async (action: string, input: object, outcome?: 'succeeded' | 'failed'): Promise<string> => {
      const body = { action, input, ...(outcome !== undefined && { start: true }) }
      const { id } = (await agent.object('POST', '/v1/actions', { body: body as never })) as { id: string }
      if (outcome !== undefined)
        await agent.object('POST', `/v1/actions/${id}/outcome`, { body: { outcome, cost_usd: 0.25 } })
      return id
    }
    await act('note.add', { text: 'a' }, 'succeeded')
    await act('note.add', { text: 'b' }, 'failed')
    await act('note.drop', {})
    const held = await act('mail.send', { to: 'you' })
    const { approval } = (await admin.object('GET', `/v1/actions/${held}`)) as { approval: { id: string } }
    await admin.as('olga').object('POST', `/v1/approvals/${approval.id}`, { body: { outcome: 'approve' } })
    provider.script([{ text: 'Hello.' }])
    const openai = new OpenAI({ baseURL: `${gateway.url}/openai/v1`, apiKey: key, maxRetries: 0 })
    const stream = openai.chat.completions.stream({
      model: 'gpt-4o',
      messages: [{ role: 'user', content: 'Hi' }],
    })
    await stream.finalChatCompletion()
  }

  test('every query has data from a real harness', async () => {
    const queries = DASHBOARDS.flatMap(({ title, rows }) =>
      rows.flatMap(({ panels }) =>
        panels.flatMap((panel) =>
          Object.values(panel.queries).map((expr) => ({ where: `${title} › ${panel.title}`, expr })),
        ),
      ),
    )
    expect(queries.length).toBeGreaterThan(30)
    const asked = (expr: string): string =>
      expr.replaceAll('$__rate_interval', '1m').replaceAll('$__range', '5m').replaceAll('$agent', '.*')
    await vi.waitFor(
      async () => {
        await live()
        const empty: string[] = []
        for (const { where, expr } of queries) {
          const found = await prometheus.query(asked(expr))
          const numbers = found.map((series) => Number((series as { value: [number, string] }).value[1]))
          if (!numbers.some((value) => Number.isFinite(value))) empty.push(where)
        }
        expect(empty).toEqual([])
      },
      { timeout: 60_000, interval: 1_000 },
    )
    expect(await prometheus.up()).toBe(1)
    const wrong = await vi.waitFor(
      async () => {
        const [ratio] = await prometheus.query('belay:action_errors:ratio_rate5m{agent="writer"}')
        return Number((ratio as { value: [number, string] }).value[1])
      },
      { timeout: 60_000, interval: 500 },
    )
    expect(wrong).toBeGreaterThan(0.1)
    expect(wrong).toBeLessThan(0.9)
  }, 90_000)

  test('the files are what the code makes of them', () => {
    const folderOfFiles = join(MONITORING, 'grafana')
    const files = readdirSync(folderOfFiles).filter((name) => name.endsWith('.json'))
    expect(files.toSorted()).toEqual(DASHBOARDS.map(({ uid }) => `${uid}.json`).toSorted())
    for (const dashboard of DASHBOARDS)
      expect(
        JSON.parse(readFileSync(join(folderOfFiles, `${dashboard.uid}.json`), 'utf8')),
        'npm run build:dashboards writes them anew',
      ).toEqual(JSON.parse(JSON.stringify(grafanaModel(dashboard))))
  })

  test('no two panels lie on each other', () => {
    for (const dashboard of DASHBOARDS) {
      const { panels } = grafanaModel(dashboard) as {
        panels: { gridPos: { x: number; y: number; w: number; h: number } }[]
      }
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
      )
      expect(new Set(cells).size).toBe(cells.length)
      expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true)
    }
  })
})
