import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startTestServer } from '../../../test/setup/http-server.ts'
import { aCall, anAction } from '../../../test/setup/telemetry-samples.ts'
import type { ActionState } from '../../action/action.ts'
import { Belay } from '../sdk/belay.ts'
import { openTelemetry } from './telemetry.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Receives OTLP over HTTP as a collector does. */
class Receiver {
  readonly received: Received[] = []
  status = 200
  #server: Server | undefined

  async listen(): Promise<string> {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        this.received.push({
          path: request.url ?? '',
          headers: request.headers,
          body: Buffer.concat(chunks),
        })
        response.writeHead(this.status, { 'content-type': 'application/json' }).end('{}')
      })
    }).listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  spans(): OtlpSpan[] {
    return this.received
      .filter(({ path }) => path === '/v1/traces')
      .flatMap(({ body }) => (JSON.parse(body.toString()) as OtlpTraces).resourceSpans)
      .flatMap(({ scopeSpans }) => scopeSpans)
      .flatMap(({ spans }) => spans)
  }

  metric(name: string): OtlpPoint[] {
    return this.received
      .filter(({ path }) => path === '/v1/metrics')
      .flatMap(({ body }) => (JSON.parse(body.toString()) as OtlpMetrics).resourceMetrics)
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics)
      .filter((metric) => metric.name === name)
      .flatMap(({ histogram }) => histogram.dataPoints)
  }

  close(): void {
    this.#server?.closeAllConnections()
    this.#server?.close()
  }
}

interface OtlpValue {
  readonly stringValue?: string
  readonly intValue?: number | string
  readonly doubleValue?: number
  readonly boolValue?: boolean
  readonly arrayValue?: { readonly values: readonly OtlpValue[] }
}
type OtlpAttributes = readonly { readonly key: string; readonly value: OtlpValue }[]
interface OtlpSpan {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: OtlpAttributes
  readonly status: { readonly code: number }
  readonly events: readonly { readonly name: string; readonly attributes: OtlpAttributes }[]
}
interface OtlpTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: OtlpAttributes }
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[]
  }[]
}
interface OtlpPoint {
  readonly attributes: OtlpAttributes
  readonly explicitBounds: readonly number[]
  readonly sum: number
}
interface OtlpMetrics {
  readonly resourceMetrics: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string
        readonly histogram: { readonly dataPoints: readonly OtlpPoint[] }
      }[]
    }[]
  }[]
}

function plain({ stringValue, intValue, doubleValue, boolValue, arrayValue }: OtlpValue): unknown {
  if (arrayValue !== undefined) return arrayValue.values.map(plain)
  return stringValue ?? doubleValue ?? boolValue ?? (intValue === undefined ? undefined : Number(intValue))
}

function attributes(list: OtlpAttributes): Record<string, unknown> {
  return Object.fromEntries(list.map(({ key, value }) => [key, plain(value)]))
}

const collector = { receiver: new Receiver(), url: '' }

beforeEach(async () => {
  collector.receiver = new Receiver()
  collector.url = await collector.receiver.listen()
  vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json')
})

afterEach(() => {
  collector.receiver.close()
  vi.unstubAllEnvs()
})

describe('with a collector', () => {
  test('a model call is a span within the trace of the client', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url)
    vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'x-token=secret')
    const telemetry = await openTelemetry({ version: '1.2.3' })
    const fact = aCall({ traceparent: `00-${TRACE}-${SPAN}-01` })
    const call = telemetry.begin(fact)
    expect(call?.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`))
    expect(call?.traceparent).not.toContain(SPAN)
    telemetry.modelCall(fact, call)
    await telemetry.close()

    const { receiver } = collector
    const [span] = receiver.spans()
    expect(receiver.spans()).toHaveLength(1)
    expect(span).toMatchObject({
      name: 'chat gpt-5',
      kind: 3,
      traceId: TRACE,
      parentSpanId: SPAN,
      spanId: call?.traceparent.slice(36, 52),
      startTimeUnixNano: '1700000000000000000',
      endTimeUnixNano: '1700000001500000000',
    })
    expect(span?.status.code).toBe(0)
    expect(attributes(span!.attributes)).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-5',
      'gen_ai.response.model': 'gpt-5-2026-01',
      'gen_ai.response.id': 'chatcmpl-1',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 1_200,
      'gen_ai.usage.output_tokens': 300,
      'gen_ai.usage.cache_read.input_tokens': 1_000,
      'gen_ai.usage.cache_creation.input_tokens': 50,
      'gen_ai.usage.reasoning.output_tokens': 200,
      'gen_ai.agent.id': 'writer',
      'gen_ai.agent.name': 'writer',
      'gen_ai.conversation.id': 's-1',
      'belay.action.id': 'act_2',
      'belay.provider': 'openai',
      'belay.decision': 'allow',
      'belay.outcome': 'succeeded',
      'belay.cost_usd': 0.0042,
      'belay.attempts': 2,
      'belay.time_to_first_token': 0.3,
    })
    expect(span?.events.map(({ name, attributes: list }) => [name, attributes(list)])).toEqual([
      [
        'belay.attempt',
        {
          'belay.attempt.number': 1,
          'belay.provider': 'openai',
          'gen_ai.request.model': 'gpt-5',
          'belay.attempt.duration': 0.2,
          'http.response.status_code': 503,
          'error.type': '503',
        },
      ],
      [
        'belay.attempt',
        {
          'belay.attempt.number': 2,
          'belay.provider': 'openai',
          'gen_ai.request.model': 'gpt-5',
          'belay.attempt.duration': 1.1,
          'http.response.status_code': 200,
        },
      ],
    ])
    const traces = receiver.received.find(({ path }) => path === '/v1/traces')
    expect(traces?.headers).toMatchObject({ 'x-token': 'secret', 'content-type': 'application/json' })
    const { resource } = (JSON.parse(String(traces?.body)) as OtlpTraces).resourceSpans[0]!
    expect(attributes(resource.attributes)).toMatchObject({
      'service.name': 'belay',
      'service.version': '1.2.3',
    })
  })

  test('a call has the two metrics of the conventions', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', `${collector.url}/v1/metrics`)
    const telemetry = await openTelemetry({ version: '1.2.3' })
    expect(telemetry.begin(aCall())).toBeNull()
    telemetry.modelCall(aCall())
    telemetry.modelCall(aCall({ outcome: 'failed', errorType: 'timeout', usage: null, duration: 30 }))
    await telemetry.close()

    const { receiver } = collector
    expect(receiver.spans()).toEqual([])
    const about = {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-5',
      'gen_ai.response.model': 'gpt-5-2026-01',
    }
    const usage = receiver.metric('gen_ai.client.token.usage')
    expect(usage.map(({ attributes: list, sum }) => [attributes(list), sum])).toEqual([
      [{ ...about, 'gen_ai.token.type': 'input' }, 1_200],
      [{ ...about, 'gen_ai.token.type': 'output' }, 300],
    ])
    const durations = receiver.metric('gen_ai.client.operation.duration')
    expect(durations.map(({ attributes: list, sum }) => [attributes(list), sum])).toEqual([
      [about, 1.5],
      [{ ...about, 'error.type': 'timeout' }, 30],
    ])
    expect(durations[0]?.explicitBounds).toEqual([
      0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
    ])
  })

  test('a refused call is a failed span without attempts, and a trace that is not sampled stays so', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', `${collector.url}/v1/traces`)
    const telemetry = await openTelemetry({ version: '1.2.3' })
    const refused = {
      decision: 'deny',
      outcome: 'refused',
      errorType: 'check:injection',
      attempts: [],
      usage: null,
      respondedModel: null,
    } as const
    telemetry.modelCall(aCall({ ...refused, traceparent: 'not a traceparent' }))
    const unsampled = aCall({ traceparent: `00-${TRACE}-${SPAN}-00` })
    const call = telemetry.begin(unsampled)
    expect(call?.traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`))
    telemetry.modelCall(unsampled, call)
    await telemetry.close()
    const spans = collector.receiver.spans()
    expect(spans).toHaveLength(1)
    expect(spans[0]?.parentSpanId ?? '').toBe('')
    expect(spans[0]?.status.code).toBe(2)
    expect(attributes(spans[0]!.attributes)).toMatchObject({
      'error.type': 'check:injection',
      'belay.decision': 'deny',
      'belay.outcome': 'refused',
    })
  })

  test('actions are execute_tool spans; model calls of the gateway are not told twice', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', `${collector.url}/v1/traces`)
    const telemetry = await openTelemetry({ version: '1.2.3' })
    const trace = { traceId: TRACE, spanId: SPAN }
    const finish = (name: string, state: ActionState, more = {}): void => {
      const before = anAction(
        { name: 'executing', startedAt: 10_000, deadline: 20_000 },
        { name, trace, ...more },
      )
      telemetry.action(before)
      telemetry.action({ ...before, state, updatedAt: 12_000 }, before)
    }
    finish('tool.mail', { name: 'succeeded', at: 12_000 })
    finish('mcp.files.read', { name: 'failed', at: 12_000 }, { venue: 'belay' })
    finish('model.generate', { name: 'succeeded', at: 12_000 }, { venue: 'belay' })
    telemetry.action(
      anAction(
        { name: 'denied' },
        {
          name: 'shell.run',
          decision: 'deny',
          effective: 'deny',
          reasons: [{ code: 'policy:no_rule', message: 'nobody allowed it' }] as never,
        },
      ),
    )
    await telemetry.close()
    const spans = collector.receiver.spans()
    expect(spans.map(({ name, status }) => [name, status.code])).toEqual([
      ['execute_tool mail', 0],
      ['execute_tool read', 2],
      ['execute_tool shell.run', 2],
    ])
    expect(spans[0]).toMatchObject({
      traceId: TRACE,
      parentSpanId: SPAN,
      startTimeUnixNano: '10000000000',
      endTimeUnixNano: '12000000000',
    })
    expect(attributes(spans[0]!.attributes)).toEqual({
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': 'mail',
      'gen_ai.tool.type': 'function',
      'gen_ai.agent.id': 'writer',
      'gen_ai.agent.name': 'writer',
      'gen_ai.conversation.id': 's-1',
      'belay.action.id': 'act_1',
      'belay.action.name': 'tool.mail',
      'belay.decision': 'allow',
      'belay.effective': 'allow',
      'belay.outcome': 'succeeded',
      'belay.policy_version': 'sha256:policy',
      'belay.cost_usd': 0,
    })
    expect(attributes(spans[1]!.attributes)).toMatchObject({
      'gen_ai.tool.type': 'extension',
      'error.type': 'failed',
    })
    expect(attributes(spans[2]!.attributes)).toMatchObject({
      'error.type': 'policy:no_rule',
      'belay.reasons': ['policy:no_rule'],
    })
  })

  test('content goes out only when opted in, and stays JSON however hostile and long', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', `${collector.url}/v1/traces`)
    const content = {
      request: {
        texts: [
          { role: 'system', text: 'Be kind.' },
          { role: 'user', text: 'my secret' },
          { role: 'tool', text: '\u0000'.repeat(200_000) },
          { role: 'user', text: '😀'.repeat(50_000) },
        ],
      },
      answer: {
        texts: ['Hello'],
        toolCalls: [{ id: '\u0000'.repeat(5_000), name: 'mail', arguments: '"'.repeat(100_000) }],
        finishReasons: ['tool_calls'],
      },
    } as const
    const quiet = await openTelemetry({ version: '1.2.3' })
    quiet.modelCall(aCall({ content }))
    await quiet.close()
    expect(String(collector.receiver.received[0]?.body)).not.toMatch(/secret|Be kind|Hello/)

    vi.stubEnv('OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT', 'true')
    const open = await openTelemetry({ version: '1.2.3' })
    open.modelCall(aCall({ content }))
    await open.close()
    const found = attributes(collector.receiver.spans()[1]!.attributes)
    expect(JSON.parse(String(found['gen_ai.system_instructions']))).toEqual([
      { type: 'text', content: 'Be kind.' },
    ])
    const input = JSON.parse(String(found['gen_ai.input.messages'])) as unknown[]
    expect(input[0]).toEqual({ role: 'user', parts: [{ type: 'text', content: 'my secret' }] })
    expect(input[1]).toMatchObject({ role: 'tool', parts: [{ type: 'tool_call_response' }] })
    expect(JSON.parse(String(found['gen_ai.output.messages']))).toMatchObject([
      {
        role: 'assistant',
        finish_reason: 'tool_calls',
        parts: [
          { type: 'text', content: 'Hello' },
          { type: 'tool_call', name: 'mail' },
        ],
      },
    ])
    for (const value of Object.values(found)) expect(String(value).length).toBeLessThanOrEqual(65_536)
  })

  test('protobuf is what goes out unless JSON is asked for', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', undefined)
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url)
    const telemetry = await openTelemetry({ version: '1.2.3' })
    telemetry.modelCall(aCall())
    await telemetry.close()
    const { received } = collector.receiver
    expect(received.map(({ path }) => path).sort()).toEqual(['/v1/metrics', '/v1/traces'])
    for (const { headers, body } of received) {
      expect(headers['content-type']).toBe('application/x-protobuf')
      expect(body.includes('gen_ai.')).toBe(true)
    }
  })
})

describe('through the doors', () => {
  test('an action over HTTP is a span within the trace of its agent, and counted by how it ended', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', `${collector.url}/v1/traces`)
    const telemetry = await openTelemetry({ version: '1.2.3' })
    const server = await startTestServer({ telemetry })
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01` }
    const body = { agent: 'writer', action: 'note.add', input: { text: 'my secret' }, start: true }
    const { id } = (await server.call('POST', '/v1/actions', body, { headers })).body
    await server.call('POST', `/v1/actions/${id}/outcome`, { outcome: 'succeeded', cost_usd: 0.25 })
    await server.propose('note.publish')
    const metrics = String((await server.call('GET', '/metrics')).body).split('\n')
    expect(metrics).toContain('belay_actions_total{agent="writer",action="note.add",decision="allow"} 1')
    expect(metrics).toContain(
      'belay_action_outcomes_total{agent="writer",action="note.add",outcome="succeeded"} 1',
    )
    expect(metrics).toContain('belay_cost_usd_total{agent="writer",action="note.add"} 0.25')
    expect(metrics).toContain('belay_actions_held 1')
    await server.close()
    await telemetry.close()
    const spans = collector.receiver.spans()
    expect(spans).toMatchObject([{ name: 'execute_tool note.add', traceId: TRACE, parentSpanId: SPAN }])
    expect(attributes(spans[0]!.attributes)).toMatchObject({ 'belay.action.id': id, 'belay.cost_usd': 0.25 })
    expect(String(collector.receiver.received[0]?.body)).not.toContain('my secret')
  })

  test('an action in the process of the agent is a span too', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', `${collector.url}/v1/traces`)
    const folder = mkdtempSync(join(tmpdir(), 'belay-telemetry-'))
    const config = join(folder, 'belay.yaml')
    writeFileSync(config, 'version: 1\nagents: { writer: {} }\nactions: { note.add: { effect: write } }\n')
    const belay = await Belay.open({ config, data: join(folder, 'data') })
    const add = belay.guard('note.add', { run: async (input: { text: string }) => input.text })
    await add({ text: 'hello' }, { agent: 'writer' })
    await belay.close()
    expect(collector.receiver.spans()).toMatchObject([{ name: 'execute_tool note.add' }])
    rmSync(folder, { recursive: true, force: true })
  })
})

describe('what is loaded', () => {
  /** Modules of OpenTelemetry that a process loads which opens telemetry. */
  const loadedWith = (environment: Record<string, string>): string[] => {
    const program = `
      import { registerHooks } from 'node:module'
      const loaded = new Set()
      registerHooks({
        resolve(specifier, context, next) {
          if (specifier.startsWith('@opentelemetry/')) loaded.add(specifier)
          return next(specifier, context)
        },
      })
      const { openTelemetry } = await import(${JSON.stringify(new URL('telemetry.ts', import.meta.url).href)})
      await openTelemetry({ onFault: (fault) => { throw fault } })
      process.stdout.write(JSON.stringify([...loaded]), () => process.exit())
    `
    const env = { PATH: process.env['PATH'] ?? '', ...environment }
    const printed = execFileSync(process.execPath, ['--input-type=module', '--eval', program], { env })
    return JSON.parse(printed.toString()) as string[]
  }

  test('nothing of OpenTelemetry without an endpoint', () => {
    expect(loadedWith({})).toEqual([])
  })

  test('only what the signal needs with one', () => {
    const loaded = loadedWith({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:1/v1/traces' })
    expect(loaded).toContain('@opentelemetry/exporter-trace-otlp-proto')
    expect(loaded).not.toContain('@opentelemetry/exporter-trace-otlp-http')
    expect(loaded).not.toContain('@opentelemetry/exporter-metrics-otlp-proto')
  })
})

describe('when it cannot be exported', () => {
  test('a collector that refuses is one fault; nothing waits for it', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', `${collector.url}/v1/traces`)
    collector.receiver.status = 400
    const faults: unknown[] = []
    const telemetry = await openTelemetry({ version: '1.2.3', onFault: (fault) => faults.push(fault) })
    // More than waits at most: the rest is dropped.
    for (let index = 0; index < 5_000; index++) telemetry.modelCall(aCall())
    await telemetry.close()
    expect(collector.receiver.spans().length).toBeLessThanOrEqual(2_048)
    expect(faults.map(String)).toEqual([expect.stringMatching(/^Error: spans cannot be exported: /)])
  })

  test('what is thrown inside is a fault, not an answer', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', `${collector.url}/v1/traces`)
    const faults: unknown[] = []
    const telemetry = await openTelemetry({ version: '1.2.3', onFault: (fault) => faults.push(fault) })
    telemetry.modelCall({ ...aCall(), attempts: null as never })
    telemetry.action({} as never)
    telemetry.begin(null as never)
    expect(faults).toHaveLength(3)
    await telemetry.close()
  })

  test.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4318'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'ftp://user:password@collector'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
  ])('%s=%s cannot be followed: said, and nothing goes to a default address', async (name, value) => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url)
    vi.stubEnv(name, value)
    const faults: unknown[] = []
    const telemetry = await openTelemetry({ version: '1.2.3', onFault: (fault) => faults.push(fault) })
    expect(telemetry.exporting).toBe(false)
    expect(faults).toMatchObject([{ code: 'input:invalid' }])
    expect(String(faults[0])).not.toContain('password')
  })

  test.each([
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' },
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_TRACES_EXPORTER: 'none',
      OTEL_METRICS_EXPORTER: 'none',
    },
  ])('nothing is exported under %j', async (environment) => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
    const telemetry = await openTelemetry({ version: '1.2.3' })
    expect(telemetry.exporting).toBe(false)
    expect(telemetry.begin(aCall())).toBeNull()
    telemetry.modelCall(aCall())
    expect(await telemetry.metrics.text()).toContain('belay_model_calls_total{')
    await telemetry.close()
  })
})
