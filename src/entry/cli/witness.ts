import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { mkdirSync } from 'node:fs'
import { signingKey } from '../../flow/audit/signing-key.ts'
import { parseTrustedLog } from '../../flow/audit/transparency/log-identity.ts'
import { COSIGNATURE_ED25519, isKeyName, keyIdOf } from '../../flow/audit/transparency/signed-note.ts'
import { formatVerifierKey, publicBytes } from '../../flow/audit/transparency/verifier-key.ts'
import { Witness } from '../../flow/audit/transparency/witness.ts'
import { serveWitness } from '../witness/witness-server.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'
import { wholeNumber } from './options.ts'
import { line, note } from './print.ts'

interface Options {
  readonly folder: string
  readonly name: string
  readonly log: readonly string[]
  readonly host: string
  readonly port: number
}

export function addWitness(program: Command): void {
  program
    .command('witness')
    .description(
      'sign the checkpoints of ledgers that only grow, for their readers; runs elsewhere than they do',
    )
    .requiredOption('--name <name>', 'the name of its key: an address without scheme, as witness.example.com')
    .requiredOption('--log <vkey...>', 'the logs it watches, as `belay ledger key` prints their key')
    .option('--folder <folder>', 'where its key and what it has seen lie', '.belay-witness')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 takes any free one', wholeNumber(0, 65_535), 7311)
    .action(witness)
}

async function witness({ folder, name, log, host, port }: Options): Promise<void> {
  if (!isKeyName(name)) throw new CommandFailure(`${name} is no name: no spaces, no plus.`)
  const logs = log.map((text) => {
    const trusted = parseTrustedLog(text)
    if (trusted === undefined)
      throw new CommandFailure(`${text} is not a key of a log, as \`belay ledger key\` prints it.`)
    return trusted
  })
  const data = resolve(folder)
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const key = signingKey(data)
  const publicKey = publicBytes(key)
  const server = await serveWitness(
    new Witness({ name, key, publicKey, logs, folder: join(data, 'checkpoints') }),
    { host, port, onFault: (error) => note(`belay: fault: ${escapeText(String(error))}`) },
  )
  const keyId = keyIdOf(name, COSIGNATURE_ED25519, publicKey)
  line(`url  ${server.url}`)
  line(`key  ${formatVerifierKey({ name, keyId, type: COSIGNATURE_ED25519, publicKey })}`)
  await new Promise<void>((done) => {
    process.once('SIGINT', () => done())
    process.once('SIGTERM', () => done())
  })
  await server.close()
}
