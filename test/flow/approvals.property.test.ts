import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import type { Action, Approval } from '../../src/action/action.ts'
import { isIn } from '../../src/action/lifecycle.ts'
import { BelayError } from '../../src/errors/catalogue.ts'
import { verifyLedger } from '../../src/flow/audit/verify-ledger.ts'
import { buttonsIn, CHANNEL, DISCORD_TOKEN, startDiscord } from '../setup/discord-server.ts'
import type { DiscordStandIn } from '../setup/discord-server.ts'
import { startMailServer } from '../setup/mail-server.ts'
import type { MailServer } from '../setup/mail-server.ts'
import { ADMIN, servePeople } from '../setup/served-people.ts'
import type { ServedPeople } from '../setup/served-people.ts'
import { APP_TOKEN, BOT_TOKEN, buttonsOf, SIGNING_SECRET, startSlack } from '../setup/slack-server.ts'
import type { SlackStandIn } from '../setup/slack-server.ts'
import { freshDatabase } from '../setup/start-postgres.ts'

const PEOPLE = ['lead', 'second', 'boss', 'deputy', 'guard', 'watch', 'eve'] as const
type Person = (typeof PEOPLE)[number]
const address = (person: Person): string => `${person}@example.com`

/** Who is a member of what, written out beside the policy so that the test knows authority by itself. */
const GROUPS: Readonly<Record<string, { readonly members: readonly Person[]; readonly quorum: number }>> = {
  editors: { members: ['lead', 'second'], quorum: 1 },
  pair: { members: ['lead', 'second', 'boss'], quorum: 2 },
  bosses: { members: ['boss'], quorum: 1 },
}
const CHAINS: Readonly<Record<string, readonly string[]>> = {
  one: ['editors'],
  both: ['pair'],
  chain: ['editors', 'bosses'],
}
const DEPUTIES: readonly Person[] = ['deputy']
const GUARDS: readonly Person[] = ['guard', 'watch']

const policy = (slack: string, discord: DiscordStandIn): string => `version: 1
agents: { writer: {} }
actions:
  one: { effect: write, approve: [{ by: [editors], expires: 1h }], break_glass: { by: [guards] } }
  both: { effect: write, approve: [{ by: [pair], expires: 1h }], break_glass: { by: [guards] } }
  chain: { effect: write, approve: [{ by: [editors, bosses], expires: 1h }], break_glass: { by: [guards] } }
approvers:
  editors: { members: [lead@example.com, second@example.com], may_delegate_to: [deputy@example.com] }
  pair: { members: [lead@example.com, second@example.com, boss@example.com], quorum: 2, may_delegate_to: [deputy@example.com] }
  bosses: { members: [boss@example.com], may_delegate_to: [deputy@example.com] }
  guards: { members: [guard@example.com, watch@example.com] }
notify:
  slack: { channel: '#agents', api_url: '${slack}', app_token: $SLACK_APP_TOKEN, people: { ${PEOPLE.map((person) => `U0${person.toUpperCase()}: ${address(person)}`).join(', ')} } }
  email: {}
  discord: { channel: '${CHANNEL}', public_key: ${discord.publicKey}, api_url: '${discord.url}', people: { ${PEOPLE.map((person, at) => `'${100 + at}': ${address(person)}`).join(', ')} } }
`

interface Step {
  readonly what: 'vote' | 'edit' | 'delegate' | 'break glass' | 'standing' | 'start'
  readonly who: Person
  readonly to: Person
  readonly by: 'http' | 'cli' | 'slack' | 'socket' | 'email' | 'discord'
  readonly outcome: 'approve' | 'reject'
  readonly forged: boolean
  readonly twice: boolean
  /** Decides on what was there at the beginning, whatever it is by now. */
  readonly late: boolean
}

const seldom = fc.constantFrom(true, false, false, false, false)

const step = fc.record<Step>({
  what: fc.constantFrom(
    'vote',
    'vote',
    'vote',
    'vote',
    'edit',
    'delegate',
    'delegate',
    'break glass',
    'standing',
    'start',
  ),
  who: fc.constantFrom('lead', 'lead', 'lead', 'second', 'second', 'boss', 'deputy', 'deputy', ...PEOPLE),
  to: fc.constantFrom('deputy', 'deputy', 'lead', ...PEOPLE),
  by: fc.constantFrom('http', 'cli', 'slack', 'socket', 'email', 'discord'),
  outcome: fc.constantFrom('approve', 'approve', 'approve', 'approve', 'approve', 'reject'),
  forged: seldom,
  twice: seldom,
  late: seldom,
})

interface Said {
  readonly kind: string
  readonly by?: string
  readonly outcome?: string
  readonly for?: string
  readonly to?: string
  readonly state?: string
  readonly approval?: { readonly id: string; readonly granted_by?: unknown }
  readonly granted_by?: unknown
}

describe.each(['sqlite', 'postgres'] as const)('on %s', (dialect) => {
  let slack: SlackStandIn
  let mail: MailServer
  let discord: DiscordStandIn
  let served: ServedPeople

  beforeAll(async () => {
    slack = await startSlack(() => served.server.url)
    mail = await startMailServer()
    discord = await startDiscord(() => served.server.url)
    served = await servePeople(policy(slack.url, discord), {
      env: {
        SLACK_BOT_TOKEN: BOT_TOKEN,
        SLACK_SIGNING_SECRET: SIGNING_SECRET,
        SLACK_APP_TOKEN: APP_TOKEN,
        SMTP_URL: mail.url,
        DISCORD_BOT_TOKEN: DISCORD_TOKEN,
      },
      ...(dialect === 'postgres' && { databaseUrl: await freshDatabase(inject('postgresUrl')) }),
    })
    await vi.waitFor(() => expect(slack.socket.open.size).toBe(1), { timeout: 60_000 })
  }, 60_000)
  afterAll(async () => {
    await served.close()
    await slack.close()
    await mail.close()
    await discord.close()
  })

  const now = async (id: string): Promise<Action> => (await served.harness.store.action(id)) as Action
  const waiting = ({ state }: Action): Approval | undefined =>
    state.name === 'held' ? state.approval : undefined

  async function call(path: string, person: Person, forged: boolean, body: object): Promise<number> {
    const answer = await fetch(`${served.server.url}/v1${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${forged ? 'x'.repeat(24) : ADMIN}`,
        'belay-acting-as': address(person),
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    })
    const { code } = (await answer.json()) as { code?: string }
    // Nothing that people do may be a fault of ours.
    if (answer.status >= 500) throw new Error(`HTTP ${answer.status} ${code}`)
    return answer.status
  }

  async function vote(approval: Approval, one: Step): Promise<void> {
    const { who, outcome, forged } = one
    if (one.by === 'slack' || one.by === 'socket') {
      const message = slack.messages.findLast(
        ({ metadata }) =>
          (metadata?.event_payload?.key as string | undefined)?.includes(approval.id) === true,
      )
      const button = message === undefined ? undefined : buttonsOf(message)[0]
      if (button === undefined) return
      const metadata = JSON.stringify({ ...JSON.parse(button.value as string), o: outcome, u: '' })
      const payload = {
        type: 'view_submission',
        user: { id: `U0${who.toUpperCase()}` },
        nonce: `${Math.random()}`,
        view: {
          callback_id: 'belay_decide',
          private_metadata: metadata,
          state: { values: { reason: { reason: { value: 'because' } } } },
        },
      }
      // Nothing forged comes over a socket that we opened ourselves.
      const how = one.by === 'socket' && !forged ? { overSocket: true } : forged ? { secret: 'wrong' } : {}
      await (await slack.post(payload, how)).text()
      return
    }
    if (one.by === 'discord') {
      const custom = discord.messages
        .flatMap(({ body }) => buttonsIn(body).map(({ custom_id: id }) => id as string | undefined))
        .findLast((id) => id?.includes(approval.id) === true && id.startsWith('belay:R'))
      if (custom === undefined) return
      const data = { custom_id: custom.replace('belay:R', outcome === 'approve' ? 'belay:b' : 'belay:s') }
      const user = String(100 + PEOPLE.indexOf(who))
      await (await discord.submit(user, { data }, 'because', { forged })).text()
      return
    }
    if (one.by === 'email') {
      const found = mail.mails.findLast(
        ({ to, header }) => to[0] === address(who) && header['message-id']!.includes(approval.id),
      )
      if (found === undefined) return
      const link = /http:\S+\/approve\/\S+/.exec(found.text)?.[0]
      if (link === undefined) return
      const used = forged ? `${link.slice(0, -2)}AA` : link
      const form = /name="form" value="([^"]+)"/.exec(await (await fetch(used)).text())?.[1] ?? ''
      const answer = await fetch(used, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ form, outcome, reason: 'because' }).toString(),
      })
      expect(answer.status).toBeLessThan(500)
      return
    }
    const body = { outcome, reason: 'because', ...(one.by === 'http' && { digest: approval.actionDigest }) }
    await call(`/approvals/${approval.id}`, who, forged, body)
  }

  async function carryOut(id: string, first: Approval, one: Step, value: number): Promise<void> {
    const action = await now(id)
    const approval = one.late ? first : (waiting(action) ?? first)
    const { who, forged } = one
    switch (one.what) {
      case 'vote':
        return vote(approval, one)
      case 'edit':
        await call(`/approvals/${approval.id}/edit`, who, forged, { input: { value } })
        return
      case 'delegate':
        await call(`/approvals/${approval.id}/delegate`, who, forged, { to: address(one.to) })
        return
      case 'break glass':
        await call(`/approvals/${approval.id}/break-glass`, who, forged, { reason: 'the shop is down' })
        return
      case 'standing':
        await call('/standing-approvals', who, forged, {
          agent: 'writer',
          action: action.name,
          input: { value: { any: true } },
          max_count: 1,
          expires_in: '1h',
          reason: 'a property',
        })
        return
      case 'start':
        await served.harness.flow.start(id).catch((error: unknown) => {
          if (!(error instanceof BelayError) || error.status !== 409) throw error
        })
    }
  }

  /** Reads the ledger of an action from its beginning and finds whatever was done without authority. */
  function faultIn(name: string, records: readonly Said[]): string | null {
    const chain = CHAINS[name] as readonly string[]
    let step = 0
    let voted: string[] = []
    let seats: string[] = []
    let released: string[] = []
    let editors: string[] = []
    let given = new Map<string, string>()
    let granted = false
    let starts = 0
    const restart = (): void => {
      step = 0
      voted = []
      seats = []
      released = []
      given = new Map()
      granted = false
    }
    for (const { kind, by = '', outcome, for: place = by, to = '', state, granted_by: how } of records) {
      const group = GROUPS[chain[step] ?? '']
      const members = group?.members.map(address) ?? []
      if (starts > 0) return `${kind} after it was started`
      if (kind === 'vote') {
        if (group === undefined || granted) return 'a vote after the end'
        if (editors.includes(by)) return `${by} decided on what they edited`
        if (!members.includes(place)) return `${by} voted in the place of ${place}, which is none`
        if ((given.get(place) ?? place) !== by) return `${by} voted for ${place}, who had not passed it on`
        if (voted.includes(by) || seats.includes(place)) return `${by} voted twice`
        if (outcome === 'reject') {
          if (state !== 'denied') return 'a reject that did not deny'
          granted = false
          step = chain.length
          continue
        }
        voted.push(by)
        seats.push(place)
        if (voted.length === group.quorum) {
          step++
          voted = []
          seats = []
          given = new Map()
        }
        granted = step === chain.length
        if ((state === 'ready') !== granted) return `${state} after ${voted.length} votes of step ${step}`
      } else if (kind === 'delegation') {
        if (!members.includes(by) || seats.includes(by)) return `${by} passed on what they had not`
        if (by !== to && !members.includes(to) && !DEPUTIES.map(address).includes(to))
          return `${by} passed it on to ${to}`
        given.set(by, to)
      } else if (kind === 'break_glass') {
        if (!GUARDS.map(address).includes(by) || released.includes(by)) return `${by} released it`
        if (editors.includes(by)) return `${by} released what they edited`
        released.push(by)
        granted = released.length === 2
        if ((state === 'ready') !== granted) return `released by ${released.length}`
      } else if (kind === 'edit') {
        const may = members.includes(by) || [...given.values()].includes(by)
        if (!may) return `${by} edited it`
        editors = [...editors, by]
        restart()
      } else if (kind === 'start') {
        if (state === 'executing') {
          if (!granted && typeof how !== 'object') return 'started without a yes'
          starts++
        } else restart()
      }
    }
    return null
  }

  test('decisions, edits, delegations, standing approvals and break-glass, late, repeated, forged, reordered and at once, never execute twice nor without authority, and none is lost', async () => {
    const names = Object.keys(CHAINS)
    let value = 0
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8, size: 'max' }),
        async (name, rounds) => {
          const { action } = await served.propose(name, { value: ++value })
          // Covered by a standing approval of an earlier run: its one use is counted with the start.
          if (isIn(action, 'ready')) {
            await served.harness.flow.start(action.id)
            expect((await recordsOf(action.id)).at(-1)!.granted_by).toMatchObject({
              standing: expect.any(String),
            })
            return
          }
          const first = waiting(action) as Approval
          await slack.until(() =>
            slack.messages.some(
              ({ metadata }) =>
                (metadata?.event_payload?.key as string | undefined)?.includes(first.id) === true,
            ),
          )
          for (const round of rounds) {
            await Promise.all(
              round.flatMap((one) => {
                const work = (): Promise<void> => carryOut(action.id, first, one, ++value)
                return one.twice ? [work(), work()] : [work()]
              }),
            )
            await served.people.settledWork()
          }
          const said = await recordsOf(action.id)
          expect({ fault: faultIn(name, said), said }).toEqual({ fault: null, said })

          // None is lost: a genuine decision that came alone, on what waited, by somebody who could, counted.
          const [only] = rounds[0]!.length === 1 ? rounds[0]! : []
          const members = GROUPS[CHAINS[name]![0]!]!.members
          if (
            only?.what === 'vote' &&
            !only.forged &&
            (only.by === 'http' || only.by === 'cli') &&
            members.includes(only.who)
          )
            expect(said[1]).toMatchObject({ kind: 'vote', by: address(only.who), outcome: only.outcome })

          const taken = await Promise.allSettled(
            Array.from({ length: 3 }, () => served.harness.flow.start(action.id)),
          )
          const starts = (await recordsOf(action.id)).filter(({ state }) => state === 'executing').length
          expect(starts).toBeLessThanOrEqual(1)
          expect(taken.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1)
          expect(faultIn(name, await recordsOf(action.id))).toBeNull()
          const end = await now(action.id)
          if (end.state.name === 'held' || end.state.name === 'ready')
            await served.harness.flow.cancel(action.id, 'admin')
        },
      ),
      { numRuns: Number(process.env['BELAY_RUNS'] ?? 50), verbose: 1, seed: seedOf() },
    )
    // No standing approval was used more often than it says.
    for (const { row } of await served.harness.flow.standing.list({ limit: 1_000 }))
      expect(row.used).toBeLessThanOrEqual(row.maxCount)
    expect((await verifyLedger(served.harness.store)).faults).toEqual([])
  }, 180_000)

  async function recordsOf(id: string): Promise<Said[]> {
    return (await served.harness.store.recordsOf(id)).map(({ text }) => JSON.parse(text) as Said)
  }
})

/** Printed with every run, so that any run can be had again: `BELAY_SEED=… vitest run …`. */
function seedOf(): number {
  const seed = Number(process.env['BELAY_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  console.log(`approvals.property: seed ${seed}`)
  return seed
}
