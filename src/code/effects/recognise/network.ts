import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Chain, type Link, propertyOf } from '../chain.ts'
import * as libraries from '../libraries.ts'
import type { Access } from '../operation.ts'
import type { Origin, Origins } from '../origins.ts'
import { argument, type Found, nameOf } from './found.ts'
import { sqlOf } from './sql-text.ts'

const HTTP_PACKAGES =
  /^(?:global:fetch|axios|got|ky|undici\.(?:request|fetch)|node-fetch|superagent|needle|cross-fetch|type:(?:HttpService|AxiosInstance))/
const VERBS: ReadonlyMap<string, Access> = new Map([
  ['get', 'read'],
  ['head', 'read'],
  ['post', 'insert'],
  ['put', 'update'],
  ['patch', 'update'],
  ['delete', 'delete'],
])

export function fromNetwork(
  chain: Chain,
  origin: Origin,
  within: FunctionInfo,
  origins: Origins,
): Found | null {
  const { text } = origin
  const last = chain.links.findLastIndex((link) => link.call !== null)
  if (last === -1) return null
  const link = chain.links[last] as Link
  if (text === '') return null
  if (HTTP_PACKAGES.test(text)) return http(last, link, within, origins)
  if (libraries.PAYMENT_PACKAGES.test(text) || /^type:Stripe\b/.test(text))
    return {
      kind: 'payment',
      access: libraries.PAYMENT_WRITES.test(link.name) ? 'insert' : 'read',
      library: text.replace(/[().].*$/, ''),
      at: last,
      data: argument(link),
    }
  if (libraries.MAIL_PACKAGES.test(text) && libraries.MAIL_WRITES.test(link.name))
    return { kind: 'mail', access: 'insert', library: text, at: last, data: argument(link) }
  if (libraries.QUEUE_PACKAGES.test(text) && libraries.QUEUE_WRITES.test(link.name))
    return { kind: 'queue', access: 'insert', library: text, at: last, data: argument(link, 1) }
  if (
    libraries.MODEL_PACKAGES.test(text) &&
    libraries.MODEL_CALLS.test(link.name === '' ? (text.split('.').at(-1) ?? '') : link.name)
  )
    return { kind: 'model', access: 'read', library: text, at: last, data: argument(link) }
  if (/^@aws-sdk\/client-s3|^@google-cloud\/storage/.test(text)) {
    const command = argument(link)
    const name = command?.kind === 'call' ? (nameOf(command.callee) ?? '') : link.name
    const access = /put|upload|copy|save/i.test(name) ? 'insert' : /delete/i.test(name) ? 'delete' : 'read'
    return { kind: 'storage', access, library: text, at: last, data: command }
  }
  if (/^(?:fs|fs\/promises|fs-extra)(?:\.promises)?(?:\.\w+)?$/.test(text)) {
    const name = link.name === '' ? (text.split('.').at(-1) ?? '') : link.name
    const access = /^(?:write|append|rename|copy|mkdir|create)/.test(name)
      ? 'insert'
      : /^(?:unlink|rm)/.test(name)
        ? 'delete'
        : 'read'
    return {
      kind: 'file',
      access,
      library: 'fs',
      entity: name,
      sync: name.endsWith('Sync'),
      at: last,
      data: argument(link, 1),
    }
  }
  return null
}

function http(last: number, link: Link, within: FunctionInfo, origins: Origins): Found | null {
  const options = argument(link, link.name === '' || link.name === 'fetch' || link.name === 'request' ? 1 : 2)
  const given = propertyOf(options, 'method') ?? propertyOf(argument(link), 'method')
  const method = given?.kind === 'literal' ? String(given.value).toLowerCase() : null
  const verb = VERBS.get(link.name)
  if (verb === undefined && !/^(?:|fetch|request)$/.test(link.name)) return null
  const url = argument(link)
  const access = verb ?? (method === null ? 'read' : (VERBS.get(method) ?? 'read'))
  return {
    kind: 'http',
    access,
    library: 'http',
    entity: sqlOf(url?.kind === 'object' ? propertyOf(url, 'url') : url, within, origins),
    at: last,
    options: options ?? (url?.kind === 'object' ? url : null),
    data:
      verb === undefined ? propertyOf(options, 'body', 'data') : access === 'read' ? null : argument(link, 1),
    where: url,
  }
}
