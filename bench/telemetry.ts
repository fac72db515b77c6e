import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTelemetry, openTelemetry } from '../src/entry/telemetry/telemetry.ts'
import type { Telemetry } from '../src/entry/telemetry/telemetry.ts'
import { aCall, anAction } from '../test/setup/telemetry-samples.ts'

// What telling telemetry costs the thread that tells: with nobody listening but /metrics, and with a collector.
const collector = createServer((request, response) => {
  request.resume().on('end', () => response.end())
}).listen(0, '127.0.0.1')
await once(collector, 'listening')
const executing = anAction({ name: 'executing', startedAt: 0, deadline: 1 })
const succeeded = { ...executing, state: { name: 'succeeded', at: 1 } as const }
const fact = aCall()

function measure(name: string, telemetry: Telemetry, times: number): void {
  const report = (what: string, tell: () => void): void => {
    for (let i = 0; i < times / 4; i++) tell()
    let least = Infinity
    for (let round = 0; round < 5; round++) {
      const started = performance.now()
      for (let i = 0; i < times; i++) tell()
      least = Math.min(least, ((performance.now() - started) * 1e6) / times)
    }
    // Few enough that no collection of garbage falls into it.
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 2_000; i++) tell()
    const bytes = (process.memoryUsage().heapUsed - before) / 2_000
    const heap = telemetry.exporting ? '' : `${bytes.toFixed(1)} bytes of heap`
    console.log(`${name.padEnd(10)} ${what.padEnd(33)} ${least.toFixed(0).padStart(6)} ns  ${heap}`)
  }
  report('an action, proposed and settled', () => {
    telemetry.action(executing)
    telemetry.action(succeeded, executing)
  })
  report('a model call', () => telemetry.modelCall(fact, telemetry.begin(fact)))
}

measure('/metrics', createTelemetry(), 500_000)
const { port } = collector.address() as AddressInfo
process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = `http://127.0.0.1:${port}`
const exporting = await openTelemetry({ onFault: (fault) => console.error(fault) })
measure('exporting', exporting, 20_000)
await exporting.close()
collector.close()
collector.closeAllConnections()
