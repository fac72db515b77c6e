import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { Option } from 'commander'
import type { Command } from 'commander'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { formatCheckpoints } from '../../flow/audit/transparency/checkpoint.ts'
import { objectOf, objectsOf, textOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'
import { withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { json, line, note, paint, table } from './print.ts'
import type { TrustOptions } from './verify-file.ts'

type Options = HarnessOptions & PrintOptions

const SHOWN_FAULTS = 10
const SHOWN_EVERY = 50_000
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
        .option('--checkpoint <file>', 'a checkpoint that you kept: finds a rewrite of the whole ledger too')
        .option('--key <vkey...>', 'whose signature counts in a file (default: the key in the data folder)')
        .option('--witness [url...]', "ask witnesses what they signed: the policy's, or for a file these")
        .option('--witness-key <vkey...>', 'keys of witnesses that must have signed what is in a file'),
    ),
  ).action(verify)
  withHarness(
    ledger.command('checkpoint').description('where the ledger stands now, signed; keep it somewhere else'),
  ).action(checkpoint)
  withHarness(
    ledger.command('key').description('the key with which the ledger is signed, for whoever verifies'),
  ).action(key)
  withJson(
    withHarness(ledger.command('logs').description('the logs, and what witnesses say of them')),
  ).action(logs)
  withHarness(ledger.command('export').description('the whole ledger, one JSON document a line'))
    .option('--payloads', 'with inputs and results, which may be personal')
    .option('--output <file>', 'write to a new file instead of stdout')
    .option(
      '--tiles <folder>',
      'the logs instead, as folders that any web server can serve (C2SP tlog-tiles)',
    )
    .option('--parquet <folder>', 'the records as Parquet instead, one folder a day, of days that are over')
    .option('--today', 'with --parquet: today too')
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
  withPerson(
    withJson(
      withHarness(ledger.command('purge').description('purge now what is older than the policy keeps')),
    ),
  ).action(purge)
}

async function exportLedger(
  options: HarnessOptions & {
    readonly output?: string
    readonly payloads?: boolean
    readonly tiles?: string
    readonly parquet?: string
    readonly today?: boolean
  },
): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const { tiles } = options
    if (tiles !== undefined) {
      const { exportTiles } = await import('./export-tiles.ts')
      const count = await exportTiles(client, tiles)
      return note(`belay: wrote ${count} ${count === 1 ? 'log' : 'logs'} to ${escapeText(tiles)}`)
    }
    const response = await client.open(
      'GET',
      '/v1/ledger/export',
      options.payloads === true ? { query: { payloads: 'true' } } : {},
    )
    if (response.body === null) throw new CommandFailure('The harness sent no ledger.')
    const { parquet } = options
    if (parquet !== undefined) {
      const { writeParquet } = await import('./parquet.ts')
      const how = { today: options.today === true, now: Date.now() }
      const count = await writeParquet(Readable.fromWeb(response.body), parquet, how)
      return note(`belay: wrote ${count} records to ${escapeText(parquet)}`)
    }
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
    process.stdout.write(await (await client.open('GET', '/v1/ledger/checkpoint')).text())
  })
}

async function key(options: HarnessOptions): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    line(escapeText(textOf((await client.object('GET', '/v1/ledger/logs'))['key'])))
  })
}

async function logs(options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const answer = await client.object('GET', '/v1/ledger/logs')
    if (options.json === true) return json(answer)
    const head = ['LOG', 'RECORDS', 'IN THE TREE', 'WITNESSED', 'WITNESSES']
    table(
      head,
      objectsOf(answer['items']).map((log) => {
        const said = objectsOf(log['witnesses']).map(
          (witness) => `${textOf(witness['name'])}: ${textOf(witness['problem'] ?? 'signed')}`,
        )
        return [
          textOf(log['origin']),
          textOf(log['records']),
          textOf(log['size']),
          textOf(log['witnessed_size'] ?? '-'),
          said.join(', '),
        ]
      }),
    )
  })
}

async function proof(id: string, options: HarnessOptions): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    process.stdout.write(
      await (await client.open('GET', `/v1/ledger/proof/${encodeURIComponent(id)}`)).text(),
    )
  })
}

async function purge(options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const answer = await client.object('POST', '/v1/ledger/purge', { timeoutMs: LONG_MS })
    if (options.json === true) return json(answer)
    const { payloads, records, actions } = answer
    line(
      `${textOf(payloads)} payloads purged, and the texts of ${textOf(records)} records of ${textOf(actions)} actions`,
    )
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
    const erased = objectsOf(answer['erased'])
    const { records } = objectOf(answer['stays'])
    line(
      `${erased.length} payloads of ${listLength(answer['actions'])} actions erased, ${textOf(answer['keys'])} keys destroyed; ${textOf(records)} records stay, and are still provable`,
    )
    for (const one of erased) line(escapeText(`${textOf(one['action'])}  ${textOf(one['kind'])}`))
  })
}

const listLength = (value: JsonValue | undefined): number => (Array.isArray(value) ? value.length : 0)

async function verify(file: string | undefined, options: Options & TrustOptions): Promise<void> {
  const { readCheckpoints, verifyFile } = await import('./verify-file.ts')
  if (file !== undefined) {
    const count = countOnTerminal()
    const found = await verifyFile(file, options, (records) => count.tell(records)).finally(() => count.end())
    return report(
      {
        ...found,
        witnesses: [...found.witnesses],
        witnessed: (found.witnessed ?? []).map((each) => ({ ...each })),
        faults: found.faults.map((each) => ({ ...each })),
      },
      options,
    )
  }
  if (options.key !== undefined || options.witnessKey !== undefined || Array.isArray(options.witness))
    throw new CommandFailure('--key, --witness-key and addresses of witnesses are for a file.', {
      advice: "Without a file, --witness asks the policy's witnesses.",
    })
  const { checkpoint: kept } = options
  await withConnection(options, 'folder', async ({ client }) => {
    const body: JsonObject = {
      ...(kept === undefined ? {} : { checkpoint: formatCheckpoints(readCheckpoints(kept)) }),
      ...(options.witness === undefined ? {} : { witnesses: true }),
    }
    report(await client.object('POST', '/v1/ledger/verify', { body, timeoutMs: LONG_MS }), options)
  })
}

/** Counts on a terminal while a long file is read. */
function countOnTerminal(): { tell(records: number): void; end(): void } {
  let shown = 0
  return {
    tell(records) {
      if (!process.stderr.isTTY || records - shown < SHOWN_EVERY) return
      shown = records
      process.stderr.write(`\r${records.toLocaleString('en')} records\u001b[K`)
    },
    end() {
      if (shown > 0) process.stderr.write('\r\u001b[K')
    },
  }
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
  const witnesses = Array.isArray(answer['witnesses']) ? answer['witnesses'].map(textOf) : []
  if (witnesses.length > 0) line(escapeText(`signed by ${witnesses.join(', ')}`))
  for (const { chain, seq } of objectsOf(answer['witnessed']))
    line(escapeText(`signed up to record ${textOf(seq)} of ${textOf(chain)}`))
  line(`${ok ? paint('green', 'intact') : paint('red', 'NOT INTACT')}: ${escapeText(counts)}`)
}
