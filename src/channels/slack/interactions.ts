import type { InState } from '../../action/action.ts'
import type { JsonObject, JsonValue } from '../../action/json.ts'
import { isJsonObject } from '../../action/json.ts'
import { BelayError } from '../../errors/catalogue.ts'
import { clip, fateOf } from '../approval-view.ts'
import { stillWaiting } from '../reach.ts'
import type { Reach } from '../reach.ts'
import { voterFor } from '../voter.ts'
import { ACKNOWLEDGE, PAUSE } from './alert-blocks.ts'
import { aboutOf, aboutText, APPROVE, DECIDE, decisionModal, escaped, needsDialog, REJECT } from './blocks.ts'
import type { About } from './blocks.ts'
import { SlackRefused } from './slack-api.ts'
import type { SlackChannel } from './slack-channel.ts'
import type { SlackPeople } from './slack-people.ts'

/** What is answered to Slack at once, and what is done after that. */
export interface Interaction {
  readonly acknowledgement: JsonObject | null
  readonly work: () => Promise<void>
}

export interface InteractionOptions {
  readonly reach: Reach
  readonly channel: SlackChannel
  readonly people: SlackPeople
  /** Base of the API: answers go there or to Slack's own host for them. */
  readonly apiUrl: string
}

const MAX_REASON = 2_000
const ALARM = /^alm_[0-9a-f-]{36}$/
const IGNORED: Interaction = { acknowledgement: null, work: async () => undefined }

/** What people do with the messages: buttons, and the dialog for a reason. Every payload was signed by Slack. */
export class SlackInteractions {
  readonly #options: InteractionOptions

  constructor(options: InteractionOptions) {
    this.#options = options
  }

  take(payload: JsonObject): Interaction {
    const user = member(payload['user'], 'id')
    if (user === undefined || !/^[UW][A-Z0-9]{1,30}$/.test(user)) return IGNORED
    if (payload['type'] === 'block_actions') return this.#button(payload, user)
    if (payload['type'] === 'view_submission') return this.#dialog(payload, user)
    return IGNORED
  }

  #button(payload: JsonObject, user: string): Interaction {
    const [action] = Array.isArray(payload['actions']) ? (payload['actions'] as readonly JsonValue[]) : []
    const name = member(action, 'action_id')
    if (name === ACKNOWLEDGE || name === PAUSE) return this.#operate(payload, action, user, name)
    if (name !== APPROVE && name !== REJECT) return IGNORED
    const about = aboutOf(member(action, 'value'))
    const trigger = member(payload, 'trigger_id')
    const answerTo = this.#answerAddress(member(payload, 'response_url'))
    if (about === undefined) return IGNORED
    const outcome = name === APPROVE ? 'approve' : 'reject'
    return {
      acknowledgement: null,
      work: () =>
        this.#guarded(answerTo, async () => {
          const held = await this.#waiting(about, answerTo)
          if (held === undefined) return
          const view = await this.#options.reach.view(held)
          if (outcome === 'approve' && !needsDialog(view)) {
            await this.#vote(held, about, user, outcome, '', answerTo)
            return
          }
          const metadata = JSON.stringify({ ...JSON.parse(aboutText(about)), o: outcome, u: answerTo ?? '' })
          await this.#options.channel.api.call('views.open', {
            trigger_id: trigger ?? '',
            view: decisionModal(view, outcome, metadata),
          })
        }),
    }
  }

  #operate(payload: JsonObject, action: JsonValue | undefined, user: string, name: string): Interaction {
    const alarm = member(action, 'value')
    const answerTo = this.#answerAddress(member(payload, 'response_url'))
    if (alarm === undefined || !ALARM.test(alarm)) return IGNORED
    return {
      acknowledgement: null,
      work: () =>
        this.#guarded(answerTo, async () => {
          const { reach, people } = this.#options
          const person = await people.personOf(user)
          const operator = person === undefined ? null : reach.operator(person)
          if (operator === null) {
            await this.#tell(
              answerTo,
              'Nothing was done: the policy does not name you as an operator (people.roles.operator).',
            )
            return
          }
          try {
            await this.#tell(
              answerTo,
              await operator[name === PAUSE ? 'pause' : 'acknowledge'](alarm, 'slack'),
            )
          } catch (error) {
            if (!(error instanceof BelayError) || error.status >= 500) throw error
            await this.#tell(answerTo, `Nothing was done: ${error.message}`)
          }
        }),
    }
  }

  #dialog(payload: JsonObject, user: string): Interaction {
    const { view } = payload
    if (!isJsonObject(view ?? null) || member(view, 'callback_id') !== DECIDE) return IGNORED
    const metadata = member(view, 'private_metadata')
    const about = aboutOf(metadata)
    if (about === undefined || metadata === undefined) return IGNORED
    const { o: outcome, u } = JSON.parse(metadata) as { o?: unknown; u?: unknown }
    if (outcome !== 'approve' && outcome !== 'reject') return IGNORED
    const answerTo = this.#answerAddress(u)
    const reason = reasonIn(view as JsonObject)
    if (outcome === 'reject' && reason.length < 3)
      return { ...IGNORED, acknowledgement: wrong('Write why; the agent is told.') }
    if (reason.length > MAX_REASON)
      return { ...IGNORED, acknowledgement: wrong(`At most ${MAX_REASON} characters.`) }
    return {
      acknowledgement: null,
      work: () =>
        this.#guarded(answerTo, async () => {
          const held = await this.#waiting(about, answerTo)
          if (held === undefined) return
          if (outcome === 'approve' && held.state.approval.risk === 'high' && reason.length < 3) {
            await this.#tell(answerTo, 'Not recorded: its risk is high, so a reason is needed.')
            return
          }
          await this.#vote(held, about, user, outcome, reason, answerTo)
        }),
    }
  }

  async #waiting(about: About, answerTo: string | undefined): Promise<InState<'held'> | undefined> {
    const { reach } = this.#options
    const held = await stillWaiting(reach, about)
    if (held !== undefined) return held
    const action = await reach.byApproval(about.approvalId)
    await this.#tell(
      answerTo,
      action === undefined
        ? 'Nothing was recorded: this is no longer kept.'
        : `Nothing was recorded: this was decided or has changed. ${fateOf(action)}`,
    )
    if (action !== undefined && action.state.name !== 'held') await this.#options.channel.settled(action)
    return undefined
  }

  async #vote(
    held: InState<'held'>,
    about: About,
    user: string,
    outcome: 'approve' | 'reject',
    reason: string,
    answerTo: string | undefined,
  ): Promise<void> {
    const { reach, people } = this.#options
    const person = await people.personOf(user)
    if (person === undefined) {
      await this.#tell(
        answerTo,
        'Not recorded: Belay does not know who you are. Ask for an entry in notify.slack.people of the policy, or for an e-mail address that is an approver’s.',
      )
      return
    }
    try {
      const after = await reach.vote(about.approvalId, {
        by: voterFor(held, person, reach.names()),
        via: 'slack',
        outcome,
        ...(reason !== '' && { reason }),
      })
      await this.#tell(answerTo, `Your decision (${outcome}) is recorded. ${fateOf(after)}`)
    } catch (error) {
      if (!(error instanceof BelayError) || error.status >= 500) throw error
      await this.#tell(answerTo, `Not recorded: ${error.message}`)
    }
  }

  /** Whoever clicked is told when their decision was not recorded: no click is lost in silence. */
  async #guarded(answerTo: string | undefined, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#options.channel.fault(error)
      const late = error instanceof SlackRefused && /trigger/.test(error.code)
      await this.#tell(
        answerTo,
        late
          ? 'Not recorded: the dialog could not be opened in time. Press the button again.'
          : 'Not recorded: Belay could not do it now. Press the button again.',
      )
    }
  }

  /** Says something to the one who clicked, only to them. */
  async #tell(answerTo: string | undefined, text: string): Promise<void> {
    if (answerTo === undefined) return
    try {
      const response = await fetch(answerTo, {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify({
          response_type: 'ephemeral',
          replace_original: false,
          text: escaped(clip(text, 2_000)),
        }),
        redirect: 'error',
        signal: AbortSignal.timeout(10_000),
      })
      await response.body?.cancel()
    } catch (error) {
      this.#options.channel.fault(error)
    }
  }

  /** Only Slack's own addresses: a payload must not make Belay call anything else. */
  #answerAddress(given: unknown): string | undefined {
    if (typeof given !== 'string' || given.length > 1_000 || !URL.canParse(given)) return undefined
    const { origin } = new URL(given)
    const api = new URL(this.#options.apiUrl).origin
    const known = origin === 'https://hooks.slack.com' || origin === 'https://hooks.slack-gov.com'
    return known || origin === api ? given : undefined
  }
}

function wrong(message: string): JsonObject {
  return { response_action: 'errors', errors: { reason: message } }
}

function reasonIn({ state }: JsonObject): string {
  const values = isJsonObject(state ?? null) ? (state as JsonObject)['values'] : undefined
  const block = isJsonObject(values ?? null) ? (values as JsonObject)['reason'] : undefined
  const field = isJsonObject(block ?? null) ? (block as JsonObject)['reason'] : undefined
  return (member(field, 'value') ?? '').toWellFormed().trim()
}

function member(value: JsonValue | undefined, key: string): string | undefined {
  if (value === undefined || !isJsonObject(value)) return undefined
  const found = value[key]
  return typeof found === 'string' ? found : undefined
}
