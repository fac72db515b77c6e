import { isJsonObject, type JsonObject } from '../../src/action/json.ts'
import type { Rules } from './receiver.ts'

/**
 * What the Open Cybersecurity Schema Framework 1.8.0 demands of the classes that are sent: required attributes, closed
 * enumerations, constraints, and that an attribute is one of the class. Written from the schema's own definitions.
 */
interface Class {
  readonly name: string
  readonly category: number
  readonly activities: readonly number[]
  readonly required: readonly string[]
  readonly optional: readonly string[]
  readonly statuses: readonly number[]
}

const BASE = [
  'activity_id activity_name category_name category_uid class_name class_uid count duration end_time enrichments message',
  'metadata observables raw_data severity severity_id start_time status status_code status_detail status_id time',
  'timezone_offset type_name type_uid unmapped',
].flatMap((line) => line.split(' '))
const BASE_REQUIRED = [
  'activity_id',
  'category_uid',
  'class_uid',
  'metadata',
  'severity_id',
  'time',
  'type_uid',
]
const SECURITY_CONTROL = 'action action_id disposition disposition_id is_alert policy authorizations'.split(
  ' ',
)

const CLASSES: Readonly<Record<number, Class>> = {
  6003: {
    name: 'API Activity',
    category: 6,
    activities: [0, 1, 2, 3, 4, 99],
    required: [...BASE_REQUIRED, 'actor', 'api', 'src_endpoint'],
    optional: [...SECURITY_CONTROL, 'dst_endpoint', 'http_request', 'http_response', 'resources', 'trace'],
    statuses: [0, 1, 2, 99],
  },
  2004: {
    name: 'Detection Finding',
    category: 2,
    activities: [0, 1, 2, 3, 99],
    required: [...BASE_REQUIRED, 'finding_info'],
    optional: ['confidence_id', 'evidences', 'is_alert', 'resources', 'vendor_attributes'],
    statuses: [0, 1, 2, 3, 4, 5, 6, 99],
  },
  3002: {
    name: 'Authentication',
    category: 3,
    activities: [0, 1, 2, 3, 4, 5, 6, 7, 99],
    required: [...BASE_REQUIRED, 'user'],
    optional: [
      'actor auth_protocol auth_protocol_id dst_endpoint is_mfa is_remote logon_type logon_type_id service session',
      'src_endpoint http_request',
    ].flatMap((line) => line.split(' ')),
    statuses: [0, 1, 2, 99],
  },
}
const SEVERITIES = [0, 1, 2, 3, 4, 5, 6, 99]
const SEVERITY_NAMES: Readonly<Record<number, string>> = {
  0: 'Unknown',
  1: 'Informational',
  2: 'Low',
  3: 'Medium',
  4: 'High',
  5: 'Critical',
}

/** `undefined` for an event that follows the schema. */
export function ocsfFault(event: unknown): string | undefined {
  if (!isJsonObject(event)) return 'no object'
  const known = CLASSES[Number(event['class_uid'])]
  if (known === undefined) return 'class_uid'
  for (const name of known.required) if (event[name] == null) return `${known.name}: ${name} is required`
  const allowed = new Set([...BASE, ...known.required, ...known.optional])
  for (const name of Object.keys(event)) if (!allowed.has(name)) return `${known.name} has no ${name}`
  if (event['category_uid'] !== known.category) return 'category_uid'
  if (event['class_name'] !== known.name) return 'class_name'
  const activity = Number(event['activity_id'])
  if (!known.activities.includes(activity)) return 'activity_id'
  if (activity === 99 && !event['activity_name']) return 'activity 99 needs a name'
  if (event['type_uid'] !== Number(event['class_uid']) * 100 + activity) return 'type_uid'
  const severity = Number(event['severity_id'])
  if (!SEVERITIES.includes(severity) || event['severity'] !== SEVERITY_NAMES[severity]) return 'severity'
  if (!known.statuses.includes(Number(event['status_id']))) return 'status_id'
  if (!Number.isSafeInteger(event['time'])) return 'time'
  return metadataFault(event) ?? objectsFault(event)
}

function metadataFault({ metadata }: JsonObject): string | undefined {
  if (!isJsonObject(metadata)) return 'metadata'
  if (metadata['version'] !== '1.8.0') return 'metadata.version'
  const { product } = metadata
  if (product !== undefined && (!isJsonObject(product) || !(product['name'] ?? product['uid'])))
    return 'product'
  return undefined
}

function objectsFault(event: JsonObject): string | undefined {
  const one = (value: unknown, ...names: readonly string[]): boolean =>
    isJsonObject(value) && names.some((name) => value[name] != null && value[name] !== '')
  if (event['actor'] != null && !one(event['actor'], 'process', 'user', 'session', 'app_name', 'app_uid'))
    return 'actor'
  const { api, user, finding_info: finding, resources, src_endpoint: endpoint } = event
  if (api != null && !(isJsonObject(api) && typeof api['operation'] === 'string')) return 'api.operation'
  if (isJsonObject(api) && api['request'] !== undefined && !one(api['request'], 'uid'))
    return 'api.request.uid'
  if (endpoint != null && !one(endpoint, 'ip', 'uid', 'name', 'hostname')) return 'src_endpoint'
  if (user != null && !one(user, 'account', 'name', 'uid')) return 'user'
  if (finding != null && !one(finding, 'uid')) return 'finding_info.uid'
  if (Array.isArray(resources) && !resources.every((each) => one(each, 'name', 'uid'))) return 'resources'
  if (event['class_uid'] === 3002 && event['service'] == null && event['dst_endpoint'] == null)
    return 'service'
  if (event['action_id'] != null && ![0, 1, 2, 3, 4, 99].includes(Number(event['action_id'])))
    return 'action_id'
  if (event['disposition_id'] != null && !(Number(event['disposition_id']) in Array.from({ length: 28 })))
    return 'disposition_id'
  return undefined
}

/** A SIEM's HTTP collector that takes OCSF and nothing else. */
export const siem: Rules = ({ headers, body }) => {
  if (headers['x-siem-key'] !== 'siem-1') return { status: 403 }
  if (!headers['content-type']?.startsWith('application/json')) return { status: 415 }
  if (body.length > 1_000_000) return { status: 413 }
  let events: unknown
  try {
    events = JSON.parse(body.toString('utf8'))
  } catch {
    return { status: 400 }
  }
  const faults = Array.isArray(events)
    ? events.map(ocsfFault).filter((fault) => fault !== undefined)
    : ['no list']
  return faults.length === 0 ? undefined : { status: 400, body: faults.join('; ') }
}
