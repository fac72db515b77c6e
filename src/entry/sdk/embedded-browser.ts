import { isJsonObject } from '../../action/json.ts'
import type { BrowserDoorOptions } from '../browser/browser-door.ts'
import { lazyDesk } from '../browser/browser-door.ts'
import type { RunningCall } from '../browser/running-call.ts'
import type { BrowserDoor, CallStanding } from './browser.ts'

/** Browsers of the harness in this process. */
export function embeddedBrowsers(options: BrowserDoorOptions): BrowserDoor & { closeAll(): Promise<void> } {
  const desk = lazyDesk(options)
  return {
    async open(account, { agent, session, wait = 0 }) {
      const opened = await desk.opened()
      return opened.open({ account, agent, ...(session !== undefined && { session }), wait: wait * 1_000 })
    },
    async begin(session, call, seconds) {
      return standingOf(await (await desk.opened()).begin(session, null, call), seconds)
    },
    async wait(_session, action, seconds) {
      return standingOf((await desk.opened()).call(action, null), seconds)
    },
    async cancel(action) {
      await options.flow.cancel(action, 'sdk')
    },
    async close(session) {
      await (await desk.opened()).close(session, null)
    },
    closeAll: () => desk.close(),
  }
}

async function standingOf(call: RunningCall, seconds: number): Promise<CallStanding> {
  const end = await call.wait(seconds * 1_000)
  const action = end?.action ?? (await call.action())
  const { state } = action
  const judged = 'judged' in state ? state.judged : undefined
  return {
    id: action.id,
    state: state.name,
    reasons: action.reasons,
    approval: state.name === 'held' ? { id: state.approval.id } : null,
    done: end !== undefined || call.ended,
    result: isJsonObject(end?.result) ? end.result : null,
    content: end?.content ?? null,
    error: end?.error ?? null,
    withheld: judged?.effective === 'deny' ? judged.reasons : null,
  }
}
