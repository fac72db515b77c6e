/**
 * What the gateway refuses whatever the entries of `egress` say, by code; the sentence is for the agent. Such a request is
 * put before the pipeline all the same, with the code in `input.refused`, so that there is a record of it.
 */
export const EGRESS_REFUSALS = {
  'egress:address': 'Addresses in numbers are not served: connect to the host by its name.',
  'egress:host': 'The host is not a name that can be served.',
  'egress:host_mismatch': 'The request names another host than the connection was opened for.',
  'egress:port': 'Only the ports 80 (HTTP) and 443 (TLS) are served.',
  'egress:target': 'The target of the request cannot be served.',
  'egress:path': 'The path has segments . or .., plain or encoded.',
  'egress:override': 'A header gives the request another method, path or host than the one it is judged by.',
  'egress:not_tls': 'On port 443, and behind CONNECT, TLS is spoken.',
  'egress:no_server_name': 'The TLS handshake names no server (SNI).',
  'egress:malformed': 'The request is malformed; whoever reads on may see another request than was judged.',
  'egress:upgrade': 'The connection cannot be upgraded to what was asked for.',
  'egress:secret_elsewhere': 'The request carries the placeholder of a secret to a host that it is not for.',
  'egress:secret_misplaced':
    'The placeholder of a secret stands outside the headers, where nothing is put in.',
  'egress:secret_in_clear': 'The secret is not sent over an unencrypted connection.',
} as const

export type EgressRefusal = keyof typeof EGRESS_REFUSALS

export function isEgressRefusal(code: unknown): code is EgressRefusal {
  return typeof code === 'string' && Object.hasOwn(EGRESS_REFUSALS, code)
}
