import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'

/** The special-purpose addresses of IANA (RFC 6890 and its registries) that are nobody's on the internet. */
const SPECIAL_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
]
/** Of IPv6 all but 2000::/3 is special; inside it these. Those that carry an IPv4 address would hide it. */
const SPECIAL_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]
/** Never the address of one machine, whatever a rule says. */
const NOBODY_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

const special4 = listOf(SPECIAL_V4, 'ipv4')
const nobody4 = listOf(NOBODY_V4, 'ipv4')
const special6 = listOf(SPECIAL_V6, 'ipv6')
const global6 = listOf([['2000::', 3]], 'ipv6')
const multicast6 = listOf([['ff00::', 8]], 'ipv6')

function listOf(ranges: readonly (readonly [string, number])[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const [net, prefix] of ranges) list.addSubnet(net, prefix, family)
  return list
}

/** Whether an address may be connected to. `near`: also what is private, link-local or this machine. */
function mayConnect(address: string, near: boolean): boolean {
  switch (isIP(address)) {
    case 4:
      if (nobody4.check(address)) return false
      return near || (!special4.check(address) && !isOwn(address))
    case 6:
      if (multicast6.check(address, 'ipv6') || /^[0:]+$/.test(address)) return false
      return near || (global6.check(address, 'ipv6') && !special6.check(address, 'ipv6') && !isOwn(address))
    default:
      return false
  }
}

/** A public address of this machine leads to its services past every firewall before it. */
function isOwn(address: string): boolean {
  return Object.values(networkInterfaces()).some((interfaces) =>
    interfaces?.some((one) => one.address === address),
  )
}

const KEEP_MS = 30_000
const MAX_KEPT = 5_000

export type Resolve = (host: string) => Promise<readonly string[]>

export class NotReachable extends Error {
  readonly kind: 'unknown' | 'private'

  constructor(kind: NotReachable['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/**
 * Addresses of hosts, looked up by the harness. What was looked at is what is connected to, so that a second answer of
 * the name server changes nothing. One bad address among several makes all of them bad.
 */
export class Addresses {
  readonly #resolve: Resolve
  readonly #known = new Map<string, { readonly at: number; readonly addresses: readonly string[] }>()

  constructor(resolve: Resolve = systemResolver) {
    this.#resolve = resolve
  }

  /** One to connect to. Throws `NotReachable`. */
  of(host: string, near: boolean): string | Promise<string> {
    const known = this.#known.get(host)
    if (known !== undefined && performance.now() - known.at < KEEP_MS)
      return chosen(host, known.addresses, near)
    return this.#ask(host, near)
  }

  async #ask(host: string, near: boolean): Promise<string> {
    let addresses: readonly string[]
    try {
      addresses = isIP(host) === 0 ? await this.#resolve(host) : [host]
    } catch (error) {
      throw new NotReachable('unknown', `the name ${host} cannot be resolved (${codeOf(error)})`)
    }
    if (this.#known.size >= MAX_KEPT) this.#known.clear()
    this.#known.set(host, { at: performance.now(), addresses })
    return chosen(host, addresses, near)
  }
}

function chosen(host: string, addresses: readonly string[], near: boolean): string {
  if (addresses.length === 0) throw new NotReachable('unknown', `the name ${host} has no address`)
  if (!addresses.every((address) => mayConnect(address, near)))
    throw new NotReachable(
      'private',
      `the name ${host} leads to an address that is private or of this machine`,
    )
  return addresses.find((address) => isIPv4(address)) ?? addresses[0]!
}

async function systemResolver(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'no answer'
}
