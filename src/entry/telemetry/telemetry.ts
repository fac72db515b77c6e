import type { Action } from '../../action/action.ts'
import { exportSettings } from './export-settings.ts'
import { Metrics } from './metrics.ts'
import type { ModelCallFact, ModelCallStart } from './model-call-fact.ts'

/** A model call whose span is open. */
export interface OpenCall {
  /** What goes to the provider as `traceparent`: the span of this call within the client's trace. */
  readonly traceparent: string
}

/** What OpenTelemetry needs to be told. Only `open-export.ts` makes one. */
export interface Export {
  begin(call: ModelCallStart): OpenCall | null
  modelCall(fact: ModelCallFact, call: OpenCall | null): void
  action(action: Action, before?: Action): void
  /** Sends what waits, for at most a few seconds. */
  close(): Promise<void>
}

/**
 * What doors and the flow tell of what has happened. Nothing here throws, waits or changes an answer; where nobody listens
 * but `/metrics`, telling allocates nothing.
 */
export interface Telemetry {
  readonly metrics: Metrics
  /** Whether spans or metrics are exported. */
  readonly exporting: boolean
  /**
   * Opens the span of a model call. `null` when nothing is exported: the client's `traceparent` goes on as it came.
   * A call that is opened is closed by `modelCall`; one that is forgotten is never exported.
   */
  begin(call: ModelCallStart): OpenCall | null
  /** Counts and exports a model call that is over. A refused one needs no `begin`. */
  modelCall(fact: ModelCallFact, call?: OpenCall | null): void
  /** Counts and exports a recorded step of an action: the `onMoved` of a flow. */
  readonly action: (action: Action, before?: Action) => void
  /** Where `/metrics` reads, when it is asked, by which names providers are known and whether calls go to them. */
  watchProviders(read: () => Iterable<readonly [name: string, up: boolean]>): void
  close(): Promise<void>
}

export interface TelemetryOptions {
  /** Belay's, where it is a service of its own. */
  readonly version?: string
  /** Told once when exporting begins to fail, and of settings that cannot be followed. */
  readonly onFault?: (error: unknown) => void
}

/**
 * Telemetry as the standard environment variables want it: `/metrics` always; OpenTelemetry is loaded only when
 * `OTEL_EXPORTER_OTLP_ENDPOINT` or that of a signal is set. Never rejects: what cannot be exported is a fault, no reason
 * not to start.
 */
export async function openTelemetry({
  version,
  onFault = () => undefined,
}: TelemetryOptions): Promise<Telemetry> {
  try {
    const settings = exportSettings(process.env)
    if (settings === null) return createTelemetry(null, onFault)
    const { openExport } = await import('./open-export.ts')
    return createTelemetry(await openExport(settings, version, onFault), onFault)
  } catch (error) {
    onFault(error)
    return createTelemetry(null, onFault)
  }
}

/** With no export: the metrics of one process. */
export function createTelemetry(
  exported: Export | null = null,
  onFault: (error: unknown) => void = () => undefined,
): Telemetry {
  const metrics = new Metrics()
  return {
    metrics,
    exporting: exported !== null,
    begin(call) {
      if (exported === null) return null
      try {
        return exported.begin(call)
      } catch (error) {
        onFault(error)
        return null
      }
    },
    modelCall(fact, call = null) {
      try {
        metrics.modelCall(fact)
        exported?.modelCall(fact, call)
      } catch (error) {
        onFault(error)
      }
    },
    action(action, before) {
      try {
        metrics.action(action, before)
        exported?.action(action, before)
      } catch (error) {
        onFault(error)
      }
    },
    watchProviders: (read) => metrics.watchProviders(read),
    async close() {
      await exported?.close().catch(onFault)
    },
  }
}
