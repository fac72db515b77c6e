import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CA_BUNDLE } from '../provider.ts'

/** As whom a program sees itself inside, whatever it is outside. */
export const INSIDE_ID = 1000
export const HOME = '/home/agent'

const PASSWD = `root:x:0:0:root:/:/usr/sbin/nologin
agent:x:${INSIDE_ID}:${INSIDE_ID}:agent:${HOME}:/bin/sh
nobody:x:65534:65534:nobody:/:/usr/sbin/nologin
`
const GROUP = `root:x:0:
agent:x:${INSIDE_ID}:
nogroup:x:65534:
`
const HOSTS = `127.0.0.1 localhost agent
::1 localhost ip6-localhost
`
// One name server, which is the gateway; a name is never looked up in a domain of the host.
const RESOLV = `nameserver 127.0.0.1
options timeout:2 attempts:2
`
const NSSWITCH = `passwd: files
group: files
shadow: files
hosts: files dns
services: files
protocols: files
`

/** Public files of the host without which ordinary programs do not start or look wrong. */
export const PUBLIC_ETC = [
  '/etc/alternatives',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
  '/etc/ld.so.conf.d',
  '/etc/localtime',
  '/etc/fonts',
  '/etc/mime.types',
  '/etc/services',
  '/etc/protocols',
  '/etc/ssl/openssl.cnf',
]

const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** What /etc holds inside beside `PUBLIC_ETC`: nothing in it tells of the host or its people. */
export function systemFiles(ca: string | undefined): ReadonlyMap<string, string> {
  const publicBundle = BUNDLES.find((path) => existsSync(path))
  const bundle = publicBundle === undefined ? '' : readFileSync(publicBundle, 'utf8')
  return new Map([
    ['/etc/passwd', PASSWD],
    ['/etc/group', GROUP],
    ['/etc/hosts', HOSTS],
    ['/etc/resolv.conf', RESOLV],
    ['/etc/nsswitch.conf', NSSWITCH],
    [CA_BUNDLE, ca === undefined ? bundle : `${bundle}\n${ca}`],
  ])
}

/**
 * A descriptor of a file with this content and no name, at its beginning. Who may not read this process's memory cannot
 * read it either. Close it when the program has been started.
 */
export function openNameless(content: string | Buffer): number {
  const folder = mkdtempSync(join(tmpdir(), 'belay-'))
  try {
    const path = join(folder, 'file')
    writeFileSync(path, content, { mode: 0o600, flag: 'wx' })
    return openSync(path, 'r')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Nameless files that are written once and opened anew for each program, since an offset is shared otherwise. */
export class NamelessFiles {
  readonly #held = new Map<string, number>()

  open(key: string, content: () => string | Buffer): number {
    let descriptor = this.#held.get(key)
    if (descriptor === undefined) {
      descriptor = openNameless(content())
      this.#held.set(key, descriptor)
    }
    return openSync(`/proc/self/fd/${descriptor}`, 'r')
  }

  close(): void {
    for (const descriptor of this.#held.values()) closeSync(descriptor)
    this.#held.clear()
  }
}
