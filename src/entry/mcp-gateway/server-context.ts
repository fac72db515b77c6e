import type { ActionDoor } from './action-door.ts'
import type { HeldCalls } from './held-calls.ts'
import type { PinBook } from './pin-book.ts'
import type { OpenLink } from './server-link.ts'
import type { ServerSettings } from './settings.ts'
import type { TaskBook } from './task-book.ts'

/** What the sessions with one server have in common. */
export interface ServerContext {
  readonly name: string
  readonly settings: ServerSettings
  readonly door: ActionDoor
  readonly open: OpenLink
  readonly pins: PinBook
  readonly tasks: TaskBook
  readonly held: HeldCalls
  /** Remarks about the server, for whoever runs the gateway. */
  readonly onNote: (text: string) => void
  readonly onFault: (error: unknown) => void
}
