import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { STORES, flowOn, proposal, type FlowUnderTest } from '../../../../test/setup/flow-on.ts'
import { recordLeaf } from './commitment.ts'
import { logIdentity } from './log-identity.ts'
import { TransparencyLog } from './transparency-log.ts'
import { TreeRange } from './tree-range.ts'

const identity = logIdentity(generateKeyPairSync('ed25519').privateKey, 'log.example')

describe.each(STORES)('the tree of a ledger on %s', (dialect) => {
  let under: FlowUnderTest
  let logs: TransparencyLog[]
  const open = (): TransparencyLog => {
    const log = new TransparencyLog({ store: under.store, identity: () => identity })
    logs.push(log)
    return log
  }
  const act = (count: number): Promise<unknown> =>
    Promise.all(
      Array.from({ length: count }, () =>
        under.flow.propose(proposal('note.write', {}), { venue: 'agent', start: true }),
      ),
    )
  const expectRoots = async (log: TransparencyLog): Promise<void> => {
    for (const checkpoint of await log.checkpoints()) {
      const chain = checkpoint.origin.slice('log.example/'.length)
      const tree = new TreeRange(0)
      for (const { seq, hash } of await under.store.records(chain, 0, checkpoint.size))
        tree.append(recordLeaf(JSON.stringify(chain), seq, hash))
      expect(tree.next).toBe(checkpoint.size)
      expect(checkpoint.root.equals(tree.root())).toBe(true)
    }
  }

  beforeEach(async () => {
    logs = []
    under = await flowOn(dialect, 'version: 1\nactions:\n  note.write: { effect: write }\n')
  })
  afterEach(async () => {
    await Promise.all(logs.map((log) => log.close()))
    await under.close()
  })

  test('holds every record that was made before it is asked, over tiles and restarts', async () => {
    const log = open()
    await act(300)
    await expectRoots(log)
    expect((await log.checkpoints())[0]?.size).toBeGreaterThan(300)
    await act(3)
    await expectRoots(log)
    await log.close()
    await under.reopen()
    const again = open()
    await act(5)
    await expectRoots(again)
    const chains = await under.store.chains()
    const sizes = new Map((await under.store.tiles.sizes()).map(({ chain, size }) => [chain, size]))
    for (const { chain, seq, live } of chains) if (live) expect(sizes.get(chain)).toBe(seq)
  })

  test('two that keep the same tree end with one', async () => {
    const [one, other] = [open(), open()]
    await act(20)
    // Whoever comes second reads again where the tree stands.
    await Promise.allSettled([one.caughtUp(), other.caughtUp()])
    await act(20)
    await Promise.allSettled([one.caughtUp(), other.caughtUp()])
    await other.caughtUp().catch(() => other.caughtUp())
    await expectRoots(other)
    expect((await under.store.tiles.sizes()).map(({ size }) => size)).toEqual(
      (await under.store.chains()).map(({ seq }) => seq),
    )
  })
})
