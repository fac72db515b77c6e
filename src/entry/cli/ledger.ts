import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { Option } from 'commander'
import type { Command } from 'commander'
import type { JsonObject } from '../../action/json.ts'
import { objectsOf, textOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'
import { withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, note, paint } from './print.ts'

type Options = HarnessOptions & PrintOptions

const SHOWN_FAULTS = 10
const LONG_MS = 24 * 60 * 60_000

export function addLedger(program: Command): void {
  const ledger = program
    .command('ledger')
    .description('the record: check it, take it with you, prove from it')

  withJson(
    withHarness(
      ledger
        .command('verify')
        .argument('[file]')
        .description('check every hash, of the ledger or of an exported file')
        .option('--checkpoint <file>', 'a checkpoint that you kept: finds a rewrite of the whole ledger too'),
    ),
  ).action(verify)
  withHarness(
    ledger.command('checkpoint').description('where the ledger stands now, signed; keep it somewhere else'),
  ).action(checkpoint)
  withHarness(ledger.command('export').description('the whole ledger, one JSON document a line'))
    .option('--payloads', 'with inputs and results, which may be personal')
    .option('--output <file>', 'write to a new file instead of stdout')
    .action(exportLedger)
  withHarness(
    ledger
      .command('proof')
      .argument('<id>')
      .description('that an action is in the ledger, checkable offline'),
  ).action(proof)
  withPerson(
    withJson(
      withHarness(ledger.command('erase').description('erase personal data; the records stay provable')),
    ),
  )
    .addOption(new Option('--subject <name>', 'everything about this person').conflicts('action'))
    .option('--action <id>', 'everything of this action')
    .action(erase)
}

async function exportLedger(
  options: HarnessOptions & { readonly output?: string; readonly payloads?: boolean },
): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const response = await client.open(
      'GET',
      '/v1/ledger/export',
      options.payloads === true ? { query: { payloads: 'true' } } : {},
    )
    if (response.body === null) throw new CommandFailure('The harness sent no ledger.')
    const target =
      options.output === undefined
        ? process.stdout
        : createWriteStream(options.output, { flags: 'wx', mode: 0o600 })
    await pipeline(Readable.fromWeb(response.body), target, { end: options.output !== undefined })
    if (options.output !== undefined) note(`belay: wrote ${escapeText(options.output)}`)
  })
}

async function checkpoint(options: HarnessOptions): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    json(await client.object('GET', '/v1/ledger/checkpoint'))
  })
}

async function proof(id: string, options: HarnessOptions): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    json(await client.object('GET', `/v1/ledger/proof/${encodeURIComponent(id)}`))
  })
}

async function erase(
  options: Options & { readonly subject?: string; readonly action?: string },
): Promise<void> {
  const { subject, action } = options
  const body = subject !== undefined ? { subject } : action !== undefined ? { action } : undefined
  if (body === undefined) throw new CommandFailure('Name whose data to erase: --subject NAME or --action ID.')
  await withConnection(options, 'folder', async ({ client }) => {
    const answer = await client.object('POST', '/v1/ledger/erase', { body, timeoutMs: LONG_MS })
    if (options.json === true) return json(answer)
    for (const [name, value] of Object.entries(answer))
      line(`${escapeText(name)}  ${escapeText(textOf(value))}`)
  })
}

async function verify(
  file: string | undefined,
  options: Options & { readonly checkpoint?: string },
): Promise<void> {
  const { readCheckpoint, verifyFile } = await import('./verify-file.ts')
  const kept = options.checkpoint === undefined ? {} : { checkpoint: readCheckpoint(options.checkpoint) }
  if (file !== undefined) {
    const found = await verifyFile(file, kept)
    return report({ ...found, faults: found.faults.map((fault) => ({ ...fault })) }, options)
  }
  await withConnection(options, 'folder', async ({ client }) => {
    const body: JsonObject = { ...kept }
    report(await client.object('POST', '/v1/ledger/verify', { body, timeoutMs: LONG_MS }), options)
  })
}

function report(answer: JsonObject, options: PrintOptions): void {
  const ok = answer['ok'] === true
  if (!ok) process.exitCode = 1
  if (options.json === true) return json(answer)
  const faults = objectsOf(answer['faults'])
  for (const fault of faults.slice(0, SHOWN_FAULTS)) {
    const where = textOf(fault['chain']) === '' ? '' : ` ${textOf(fault['chain'])}#${textOf(fault['seq'])}`
    line(
      `${paint('red', escapeText(textOf(fault['code'])))}${escapeText(`${where}: ${textOf(fault['message'])}`)}`,
    )
  }
  if (faults.length > SHOWN_FAULTS) line(`… and ${faults.length - SHOWN_FAULTS} more; --json has them`)
  const counts = ['chains', 'records', 'payloads', 'erased']
    .map((name) => `${textOf(answer[name])} ${name}`)
    .join(', ')
  line(`${ok ? paint('green', 'intact') : paint('red', 'NOT INTACT')}: ${escapeText(counts)}`)
}
