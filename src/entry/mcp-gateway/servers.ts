import type { McpServerRule, Policy } from '../../policy/policy.ts'
import type { ActionDoor } from './action-door.ts'
import { HeldCalls } from './held-calls.ts'
import { openServer, settingsOf } from './open-server.ts'
import { PIN_AGENT, PinBook } from './pin-book.ts'
import type { ServerContext } from './server-context.ts'
import { TaskBook } from './task-book.ts'

export interface Declared {
  readonly context: ServerContext
  /** Which protocol the server speaks, once somebody has asked. */
  era: 'handshake' | 'stateless' | null
}

export interface ServersOptions {
  readonly policies: { current(): Policy }
  readonly door: ActionDoor
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onStderr: (server: string, text: string) => void
  readonly onNote: (server: string, text: string) => void
  readonly onFault: (error: unknown) => void
  /** The declaration of a server has changed or is gone. */
  readonly onGone: (declared: Declared) => void
}

/** The servers that the policy declares, as it is now. */
export class Servers {
  readonly #options: ServersOptions
  readonly #known = new Map<string, { readonly rule: string; readonly declared: Declared }>()

  constructor(options: ServersOptions) {
    this.#options = options
  }

  /** `undefined`: there is no such server. Throws a plain sentence when it cannot be reached as declared. */
  get(name: string): Declared | undefined {
    const { servers } = this.#options.policies.current().mcp
    const rule = Object.hasOwn(servers, name) ? servers[name] : undefined
    const text = JSON.stringify(rule)
    const known = this.#known.get(name)
    if (known !== undefined) {
      if (known.rule === text) return known.declared
      this.#known.delete(name)
      known.declared.context.pins.close()
      this.#options.onGone(known.declared)
    }
    if (rule === undefined) return undefined
    const declared: Declared = { context: this.#contextOf(name, rule), era: null }
    this.#known.set(name, { rule: text, declared })
    return declared
  }

  close(): void {
    for (const { declared } of this.#known.values()) declared.context.pins.close()
    this.#known.clear()
  }

  #contextOf(name: string, rule: McpServerRule): ServerContext {
    const { door, env, onFault, onStderr } = this.#options
    const onNote = (text: string): void => this.#options.onNote(name, text)
    return {
      name,
      settings: settingsOf(rule),
      door,
      open: openServer(rule, env, { onStderr: (text) => onStderr(name, text), onNote }),
      pins: new PinBook({ door, agent: PIN_AGENT, server: name, onNote, onFault }),
      tasks: new TaskBook(),
      held: new HeldCalls(),
      onNote,
      onFault,
    }
  }
}
