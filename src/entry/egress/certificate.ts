import { createHash, sign, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

/** What a certificate says (RFC 5280). Keys are P-256. */
export interface CertificateOptions {
  readonly subject: string
  readonly publicKey: KeyObject
  readonly issuer: { readonly name: string; readonly key: KeyObject; readonly publicKey: KeyObject }
  readonly serial: Buffer
  readonly notBefore: Date
  readonly notAfter: Date
  /** The one host that it is for; `null`: an authority, which signs for hosts and for no further authority. */
  readonly host: string | null
}

const SEQUENCE = 0x30
const SET = 0x31
const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const OBJECT_ID = 0x06
const UTF8_STRING = 0x0c
const BOOLEAN = 0x01

const oid = (hex: string): Buffer => der(OBJECT_ID, Buffer.from(hex, 'hex'))
const ECDSA_WITH_SHA256 = oid('2a8648ce3d040302')
const COMMON_NAME = oid('550403')
const BASIC_CONSTRAINTS = oid('551d13')
const KEY_USAGE = oid('551d0f')
const EXTENDED_KEY_USAGE = oid('551d25')
const SERVER_AUTH = oid('2b06010505070301')
const SUBJECT_KEY_ID = oid('551d0e')
const AUTHORITY_KEY_ID = oid('551d23')
const SUBJECT_ALT_NAME = oid('551d11')

/** A signed certificate, PEM. */
export function makeCertificate(options: CertificateOptions): string {
  const { subject, publicKey, issuer, serial, notBefore, notAfter, host } = options
  const algorithm = der(SEQUENCE, ECDSA_WITH_SHA256)
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const body = der(
    SEQUENCE,
    der(0xa0, der(INTEGER, Buffer.from([2]))),
    // Positive, so that the first bit is never set.
    der(INTEGER, Buffer.concat([Buffer.from([(serial[0]! & 0x7f) | 0x40]), serial.subarray(1)])),
    algorithm,
    nameOf(issuer.name),
    der(SEQUENCE, timeOf(notBefore), timeOf(notAfter)),
    nameOf(subject),
    spki,
    der(0xa3, der(SEQUENCE, ...extensionsOf(host, publicKey, issuer.publicKey))),
  )
  const signature = sign('sha256', body, { key: issuer.key, dsaEncoding: 'der' })
  const whole = der(SEQUENCE, body, algorithm, der(BIT_STRING, Buffer.from([0]), signature))
  return new X509Certificate(whole).toString()
}

function extensionsOf(host: string | null, own: KeyObject, authority: KeyObject): Buffer[] {
  const shared = [
    extension(SUBJECT_KEY_ID, false, der(OCTET_STRING, keyId(own))),
    extension(AUTHORITY_KEY_ID, false, der(SEQUENCE, der(0x80, keyId(authority)))),
  ]
  if (host === null)
    return [
      // CA, with no authority below it; signs certificates and lists of revoked ones.
      extension(
        BASIC_CONSTRAINTS,
        true,
        der(SEQUENCE, der(BOOLEAN, Buffer.from([255])), der(INTEGER, Buffer.from([0]))),
      ),
      extension(KEY_USAGE, true, der(BIT_STRING, Buffer.from([1, 0x06]))),
      ...shared,
    ]
  return [
    extension(BASIC_CONSTRAINTS, true, der(SEQUENCE)),
    extension(KEY_USAGE, true, der(BIT_STRING, Buffer.from([7, 0x80]))),
    extension(EXTENDED_KEY_USAGE, false, der(SEQUENCE, SERVER_AUTH)),
    extension(SUBJECT_ALT_NAME, false, der(SEQUENCE, der(0x82, Buffer.from(host, 'latin1')))),
    ...shared,
  ]
}

function extension(id: Buffer, critical: boolean, value: Buffer): Buffer {
  const mark = critical ? [der(BOOLEAN, Buffer.from([255]))] : []
  return der(SEQUENCE, id, ...mark, der(OCTET_STRING, value))
}

/** SHA-1 of the key's bits, as RFC 5280, 4.2.1.2 has it: a name for the key, not a proof of anything. */
function keyId(key: KeyObject): Buffer {
  const { x, y } = key.export({ format: 'jwk' })
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')])
  return createHash('sha1').update(point).digest()
}

function nameOf(commonName: string): Buffer {
  const name = der(UTF8_STRING, Buffer.from(commonName.slice(0, 64)))
  return der(SEQUENCE, der(SET, der(SEQUENCE, COMMON_NAME, name)))
}

/** UTCTime until 2049, GeneralizedTime afterwards (RFC 5280, 4.1.2.5). */
function timeOf(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '')
  return date.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(digits.slice(2)))
    : der(0x18, Buffer.from(digits))
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size =
    length < 128
      ? Buffer.from([length])
      : length < 256
        ? Buffer.from([0x81, length])
        : Buffer.from([0x82, length >> 8, length & 255])
  return Buffer.concat([Buffer.from([tag]), size, content])
}
