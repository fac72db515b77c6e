import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseCheckpoint } from '../../flow/audit/transparency/checkpoint.ts'
import { formatTilePath, tilesOf } from '../../flow/audit/transparency/tile-path.ts'
import type { ApiClient } from '../sdk/api-client.ts'
import { objectsOf, textOf } from './answer.ts'
import { CommandFailure } from './failure.ts'

/**
 * Writes every log as a folder that any web server can serve as one (C2SP tlog-tiles): `CHAIN/checkpoint` and
 * `CHAIN/tile/…`. Answers how many logs there were.
 */
export async function exportTiles(client: ApiClient, folder: string): Promise<number> {
  const logs = objectsOf((await client.object('GET', '/v1/ledger/logs'))['items'])
  for (const log of logs) {
    const chain = textOf(log['chain'])
    if (!/^[A-Za-z0-9_-]+$/.test(chain)) throw new CommandFailure(`The harness names a log ${chain}.`)
    if (log['size'] === 0) continue
    const base = `/v1/ledger/log/${chain}`
    const text = await (await client.open('GET', `${base}/checkpoint`)).text()
    const checkpoint = parseCheckpoint(text)
    if (checkpoint === undefined) throw new CommandFailure(`The harness sent no checkpoint of ${chain}.`)
    for (const tile of tilesOf(checkpoint.size)) {
      const path = formatTilePath(tile)
      const bytes = await (await client.open('GET', `${base}/tile/${path}`)).arrayBuffer()
      write(join(folder, chain, 'tile', path), new Uint8Array(bytes))
    }
    // Last, so that a folder with a checkpoint has all of its tiles.
    write(join(folder, chain, 'checkpoint'), text)
  }
  return logs.length
}

function write(file: string, content: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}
