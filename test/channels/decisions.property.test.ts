import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Action } from '../../src/action/action.ts'
import { isIn } from '../../src/action/lifecycle.ts'
import { startMailServer } from '../setup/mail-server.ts'
import type { MailServer } from '../setup/mail-server.ts'
import { ADMIN, peoplePolicy, servePeople } from '../setup/served-people.ts'
import type { ServedPeople } from '../setup/served-people.ts'
import { BOT_TOKEN, SIGNING_SECRET, startSlack } from '../setup/slack-server.ts'
import type { SlackMessage, SlackStandIn } from '../setup/slack-server.ts'

let slack: SlackStandIn
let mail: MailServer
let served: ServedPeople

beforeAll(async () => {
  slack = await startSlack(() => served.server.url)
  mail = await startMailServer()
  const people =
    '{ U0LEAD: lead@example.com, U0SECOND: second@example.com, U0BOSS: boss@example.com, U0EVE: eve@example.com }'
  served = await servePeople(
    peoplePolicy(`  slack: { channel: '#agents', api_url: '${slack.url}', people: ${people} }\n  email: {}`),
    { env: { SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_SIGNING_SECRET: SIGNING_SECRET, SMTP_URL: mail.url } },
  )
})
afterAll(async () => {
  await served.close()
  await slack.close()
  await mail.close()
})

const PEOPLE = {
  lead: 'lead@example.com',
  second: 'second@example.com',
  boss: 'boss@example.com',
  eve: 'eve@example.com',
} as const
type Person = keyof typeof PEOPLE

interface Decision {
  readonly person: Person
  /** `cli` calls the same address as `http`, as the owner who acts for somebody. */
  readonly by: 'slack' | 'email' | 'http' | 'cli'
  readonly outcome: 'approve' | 'reject'
  readonly twice: boolean
  readonly forged: boolean
}

const decision = fc.record<Decision>({
  person: fc.constantFrom('lead', 'second', 'boss', 'eve'),
  by: fc.constantFrom('slack', 'email', 'http', 'cli'),
  outcome: fc.constantFrom('approve', 'approve', 'approve', 'reject'),
  twice: fc.boolean(),
  forged: fc.boolean(),
})

async function bySlack(message: SlackMessage, { person, outcome, forged }: Decision): Promise<void> {
  const button = message.blocks.find(({ type }) => type === 'actions')
  if (button === undefined) return
  const user = `U0${person.toUpperCase()}`
  const more = forged ? { secret: 'not the secret' } : {}
  if (outcome === 'approve') {
    await (await slack.click(user, message, 'belay_approve', more)).text()
    return
  }
  const about = button.elements[0].value as string
  await slack.post(
    {
      type: 'view_submission',
      user: { id: user },
      nonce: `${Math.random()}`,
      view: {
        callback_id: 'belay_decide',
        private_metadata: JSON.stringify({ ...JSON.parse(about), o: 'reject', u: '' }),
        state: { values: { reason: { reason: { value: 'no, because' } } } },
      },
    },
    more,
  )
}

async function byMail(approvalId: string, { person, outcome, forged }: Decision): Promise<void> {
  const found = mail.mails.findLast(
    ({ to, header }) => to[0] === PEOPLE[person] && header['message-id']!.includes(approvalId),
  )
  if (found === undefined) return
  const link = /http:\S+\/approve\/\S+/.exec(found.text)![0]
  const used = forged ? `${link.slice(0, -2)}AA` : link
  const page = await (await fetch(used)).text()
  const form = /name="form" value="([^"]+)"/.exec(page)?.[1] ?? ''
  await fetch(used, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ form, outcome, reason: 'no, because' }).toString(),
  })
}

async function byApi(approvalId: string, { person, outcome, forged }: Decision): Promise<void> {
  await fetch(`${served.server.url}/v1/approvals/${approvalId}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${forged ? 'x'.repeat(20) : ADMIN}`,
      'belay-acting-as': PEOPLE[person],
      'content-type': 'application/json',
    },
    body: JSON.stringify({ outcome, reason: 'no, because' }),
  })
}

/** What the votes in the order in which they were recorded must have led to. */
function expected(action: string, votes: readonly { by: string; outcome: string }[]): string {
  const steps =
    action === 'note.both'
      ? [{ members: ['lead', 'second'], quorum: 2 }]
      : action === 'note.chain'
        ? [
            { members: ['lead', 'second'], quorum: 1 },
            { members: ['boss'], quorum: 1 },
          ]
        : [{ members: ['lead', 'second'], quorum: 1 }]
  let step = 0
  let given: string[] = []
  for (const { by, outcome } of votes) {
    const now = steps[step]
    if (now === undefined) return 'a vote after the end'
    if (!now.members.some((name) => PEOPLE[name as Person] === by)) return `a vote without authority: ${by}`
    if (given.includes(by)) return `a vote counted twice: ${by}`
    if (outcome === 'reject') return votes.at(-1)!.by === by ? 'denied' : 'a vote after the end'
    given.push(by)
    if (given.length === now.quorum) {
      step++
      given = []
    }
  }
  return step === steps.length ? 'ready' : 'held'
}

async function votesOf(id: string): Promise<{ by: string; outcome: string }[]> {
  const records = await served.harness.store.recordsOf(id)
  return records
    .filter(({ kind }) => kind === 'vote')
    .map(({ text }) => JSON.parse(text) as { by: string; outcome: string })
}

test('late, repeated, forged, reordered and concurrent decisions from every side run an action at most once, never without authority, and lose none', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('note.publish', 'note.both', 'note.chain'),
      fc.array(fc.array(decision, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
      async (name, rounds) => {
        const count = slack.messages.length
        const { action } = await served.propose(name)
        if (!isIn(action, 'held')) throw new Error(action.state.name)
        const approvalId = action.state.approval.id
        await slack.until(() => slack.messages.length > count)
        await mail.until(
          () => mail.mails.filter(({ header }) => header['message-id']!.includes(approvalId)).length >= 2,
        )
        for (const round of rounds) {
          await Promise.all(
            round.flatMap((one) => {
              const carryOut = async (): Promise<void> => {
                // The newest message of the action, or the first one when it is late.
                const messages = slack.messages.filter(({ metadata }) =>
                  metadata.event_payload.key.includes(approvalId),
                )
                if (one.by === 'slack') await bySlack(messages.at(one.twice ? 0 : -1)!, one)
                else if (one.by === 'email') await byMail(approvalId, one)
                else await byApi(approvalId, one)
              }
              return one.twice ? [carryOut(), carryOut()] : [carryOut()]
            }),
          )
        }
        // Everything that was acknowledged is carried out before the next question.
        await served.people.settledWork()

        const after = (await served.harness.store.action(action.id)) as Action
        const votes = await votesOf(action.id)
        expect(after.state.name).toBe(expected(name, votes))

        // A decision of a member that was acknowledged while their step waited is not lost: alone in the first round it counted.
        const [first] = rounds
        const only = first?.length === 1 ? first[0] : undefined
        if (only !== undefined && !only.forged && (only.person === 'lead' || only.person === 'second'))
          expect(votes[0]).toMatchObject({ by: PEOPLE[only.person], outcome: only.outcome })
        if (votes.length === 0) {
          const genuine = rounds
            .flat()
            .filter(({ forged, person }) => !forged && (person === 'lead' || person === 'second'))
          expect(genuine).toEqual([])
        }

        // Two members of one step who decide at the same moment are both counted.
        const genuine = first?.every(
          ({ forged, person, outcome }) =>
            !forged && (person === 'lead' || person === 'second') && outcome === 'approve',
        )
        if (name === 'note.both' && genuine === true) {
          const people = new Set(first?.map(({ person }) => PEOPLE[person]))
          expect(new Set(votes.slice(0, people.size).map(({ by }) => by))).toEqual(people)
        }

        // However many take the permission, one gets it, and only when it was given.
        const taken = await Promise.allSettled(
          Array.from({ length: 3 }, () => served.harness.flow.start(action.id)),
        )
        expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(
          after.state.name === 'ready' ? 1 : 0,
        )
        // What is late changes nothing.
        await Promise.all(rounds.flat().map((one) => byApi(approvalId, one)))
        const end = (await served.harness.store.action(action.id)) as Action
        if (after.state.name !== 'held') expect(await votesOf(action.id)).toHaveLength(votes.length)
        if (end.state.name === 'held') await served.harness.flow.cancel(action.id, 'admin')
      },
    ),
    { numRuns: 30 },
  )
}, 120_000)
