/**
 * Reads a W3C Trace Context `traceparent`. An invalid one is ignored, as the specification asks (section 3.2):
 * tracing never refuses a request.
 */
export function readTraceParent(
  header: unknown,
): { readonly traceId: string; readonly spanId: string } | undefined {
  if (typeof header !== 'string' || header.length > 200) return undefined
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/.exec(header)
  if (match === null) return undefined
  const [, version, traceId, spanId, rest] = match
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (/^0+$/.test(traceId!) || /^0+$/.test(spanId!)) return undefined
  return { traceId: traceId!, spanId: spanId! }
}

/** The sampled flag of a `traceparent` that `readTraceParent` takes: whether the caller records this trace (section 3.2.2.5). */
export function isSampled(header: string): boolean {
  return (Number.parseInt(header.slice(53, 55), 16) & 1) === 1
}
