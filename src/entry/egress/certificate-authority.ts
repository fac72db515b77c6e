import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  X509Certificate,
} from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'
import { makeCertificate } from './certificate.ts'

const DAY = 86_400_000
const AUTHORITY_DAYS = 1_825
/** An authority that ends sooner is replaced at the start. */
const RENEW_DAYS = 90
const LEAF_DAYS = 30
/** Clocks in a sandbox are the machine's, but not every library forgives a certificate of this very second. */
const BACKDATED = DAY
const MAX_LEAVES = 2_000

/** Signs for every host that an agent sees, with a key that never leaves the data folder. */
export interface CertificateAuthority {
  /** PEM. */
  readonly certificate: string
  /** For a server that speaks in the name of the host. */
  contextFor(host: string): SecureContext
}

/** The authority of the installation; made at the first call. The key is for the owner of the folder alone. */
export function openCertificateAuthority(data: string, now: () => number = Date.now): CertificateAuthority {
  const { key, certificate } = authorityOf(data, now())
  const issuer = { name: commonName(certificate), key, publicKey: createPublicKey(key) }
  // One key for all leaves of this process: it is as secret as any, and making one takes longer than signing.
  const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const leafKey = leaf.privateKey.export({ type: 'pkcs8', format: 'pem' })
  const contexts = new Map<string, { readonly context: SecureContext; readonly until: number }>()
  return {
    certificate,
    contextFor(host) {
      const at = now()
      const known = contexts.get(host)
      if (known !== undefined && at < known.until) return known.context
      if (contexts.size >= MAX_LEAVES) contexts.clear()
      const cert = makeCertificate({
        subject: host,
        publicKey: leaf.publicKey,
        issuer,
        serial: randomBytes(16),
        notBefore: new Date(at - BACKDATED),
        notAfter: new Date(at + LEAF_DAYS * DAY),
        host,
      })
      const context = createSecureContext({ key: leafKey, cert: cert + certificate, minVersion: 'TLSv1.2' })
      contexts.set(host, { context, until: at + (LEAF_DAYS - 1) * DAY })
      return context
    },
  }
}

function authorityOf(data: string, at: number): { readonly key: KeyObject; readonly certificate: string } {
  const folder = join(data, 'egress')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'authority.pem')
  const known = read(path, at)
  if (known !== undefined && known !== 'ended') return known
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  writeFileSync(draft, newAuthority(at), { mode: 0o600, flag: 'wx' })
  try {
    if (known === 'ended') renameSync(draft, path)
    // A link appears whole or not at all, and never replaces what another process made first.
    else linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
  const made = read(path, at)
  if (made === undefined || made === 'ended')
    throw new Error(`${path} holds no certificate authority that can be used`)
  return made
}

function newAuthority(at: number): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = `Belay authority ${randomBytes(4).toString('hex')}`
  const certificate = makeCertificate({
    subject: name,
    publicKey,
    issuer: { name, key: privateKey, publicKey },
    serial: randomBytes(16),
    notBefore: new Date(at - BACKDATED),
    notAfter: new Date(at + AUTHORITY_DAYS * DAY),
    host: null,
  })
  return `${privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()}${certificate}`
}

/** Key and certificate lie in one file, so that there is never one without the other. */
function read(
  path: string,
  at: number,
): { readonly key: KeyObject; readonly certificate: string } | 'ended' | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const certificate = text.slice(text.indexOf('-----BEGIN CERTIFICATE-----'))
  const x509 = new X509Certificate(certificate)
  const key = createPrivateKey(text)
  if (!x509.checkPrivateKey(key)) throw new Error(`the key in ${path} is not that of its certificate`)
  return Date.parse(x509.validTo) - at < RENEW_DAYS * DAY ? 'ended' : { key, certificate }
}

function commonName(certificate: string): string {
  return new X509Certificate(certificate).subject.replace(/^CN=/, '')
}
