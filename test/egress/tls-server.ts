import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { makeCertificate } from '../../src/entry/egress/certificate.ts'

const DAY = 86_400_000

/** A server on the internet with a certificate of an authority of its own. */
export async function openTlsServer(
  hosts: readonly string[],
  answer: Parameters<typeof createServer>[1],
): Promise<{ readonly port: number; readonly authority: string; readonly server: Server; close(): void }> {
  const issuer = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = 'Test authority'
  const dates = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + DAY) }
  const authority = makeCertificate({
    subject: name,
    publicKey: issuer.publicKey,
    issuer: { name, key: issuer.privateKey, publicKey: issuer.publicKey },
    serial: randomBytes(16),
    ...dates,
    host: null,
  })
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = createServer(
    {
      key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      cert: makeCertificate({
        subject: hosts[0]!,
        publicKey: own.publicKey,
        issuer: { name, key: issuer.privateKey, publicKey: issuer.publicKey },
        serial: randomBytes(16),
        ...dates,
        host: hosts[0]!,
      }),
    },
    answer,
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    authority,
    server,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
