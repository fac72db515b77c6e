import type { JsonObject, JsonValue } from '../../src/action/json.ts'
import { HeldCalls } from '../../src/entry/mcp-gateway/held-calls.ts'
import { flowDoor, type FlowDoorOptions } from '../../src/entry/mcp-gateway/flow-door.ts'
import { readMessage } from '../../src/entry/mcp-gateway/message.ts'
import { PIN_AGENT, PinBook } from '../../src/entry/mcp-gateway/pin-book.ts'
import type { ServerContext } from '../../src/entry/mcp-gateway/server-context.ts'
import { Session } from '../../src/entry/mcp-gateway/session.ts'
import { maxMessage, type ServerSettings } from '../../src/entry/mcp-gateway/settings.ts'
import { stdioServer } from '../../src/entry/mcp-gateway/stdio-server.ts'
import { TaskBook } from '../../src/entry/mcp-gateway/task-book.ts'
import { join } from 'node:path'

export interface ScriptedOptions {
  readonly harness: FlowDoorOptions
  readonly settings?: Partial<ServerSettings>
  readonly env?: Readonly<Record<string, string>>
  readonly capabilities?: JsonObject
  /** What the client answers to requests of the server. */
  readonly answers?: Readonly<Record<string, JsonObject>>
  readonly agent?: string
}

/** A client of the gateway without a transport, before the scripted server. */
export class ScriptedClient {
  readonly notes: string[] = []
  readonly stderr: string[] = []
  readonly faults: unknown[] = []
  /** What the gateway sent that answers nothing. */
  readonly received: JsonObject[] = []
  readonly session: Session
  readonly context: ServerContext
  readonly #answered = new Map<number | string, (message: JsonObject) => void>()
  readonly #watchers = new Set<() => void>()
  #next = 1

  constructor({ harness, settings, env, answers = {}, agent = 'worker' }: ScriptedOptions) {
    const door = flowDoor(harness)
    const onNote = (text: string): void => this.#tell(this.notes, text)
    const onFault = (error: unknown): void => void this.faults.push(error)
    const all = { timeout: 5_000, maxResult: 100_000, elicitApprover: null, ...settings }
    this.context = {
      name: 'scripted',
      settings: all,
      door,
      open: stdioServer({
        command: [process.execPath, join(import.meta.dirname, 'servers/scripted.ts')],
        ...(env && { env }),
        maxMessage: maxMessage(all),
        onStderr: (text) => this.#tell(this.stderr, text),
        onNote,
      }),
      pins: new PinBook({ door, agent: PIN_AGENT, server: 'scripted', onNote, onFault }),
      tasks: new TaskBook(),
      held: new HeldCalls(),
      onNote,
      onFault,
    }
    this.session = new Session(this.context, agent, {
      deliver: (message) => {
        this.#tell(this.received, message)
        const { id, method } = message
        if (id === undefined || typeof method !== 'string' || answers[method] === undefined) return true
        queueMicrotask(() => this.raw({ jsonrpc: '2.0', id, result: answers[method]! }))
        return true
      },
    })
  }

  async initialize(capabilities: JsonObject = {}): Promise<JsonObject> {
    const answer = await this.ask('initialize', {
      protocolVersion: '2025-11-25',
      capabilities,
      clientInfo: { name: 'test', version: '1' },
    })
    this.raw({ jsonrpc: '2.0', method: 'notifications/initialized' })
    return answer
  }

  raw(message: JsonObject): void {
    this.session.receive(readMessage(JSON.stringify(message)), {
      scope: '',
      session: null,
      channel: null,
      answer: (response) => {
        if (response === null) this.#answered.get(message['id'] as number)?.({ cancelled: true })
        else this.#answered.get(response.id)?.(response)
      },
    })
  }

  /** The whole response. */
  ask(method: string, params: JsonObject = {}, id: number | string = this.#next++): Promise<JsonObject> {
    return new Promise((resolve) => {
      this.#answered.set(id, resolve)
      this.raw({ jsonrpc: '2.0', id, method, params })
    })
  }

  /** The result of a tool. */
  async call(name: string, input: JsonObject = {}, more: JsonObject = {}): Promise<ToolResult> {
    const { result, error } = await this.ask('tools/call', { name, arguments: input, ...more })
    const { content = [], isError = false, _meta: meta = {} } = (result ?? {}) as Record<string, JsonValue>
    const texts = (content as readonly JsonObject[]).map(({ text }) => (typeof text === 'string' ? text : ''))
    return {
      text: texts.join('\n'),
      isError: isError === true,
      meta: meta as JsonObject,
      error: (error ?? null) as JsonObject | null,
      result: (result ?? {}) as JsonObject,
    }
  }

  /** Resolves when the condition holds; looked at whenever something arrives. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return
        this.#watchers.delete(look)
        resolve()
      }
      this.#watchers.add(look)
      look()
    })
  }

  async close(): Promise<void> {
    await this.session.close()
    this.context.pins.close()
  }

  #tell<T>(list: T[], item: T): void {
    list.push(item)
    for (const look of this.#watchers) look()
  }
}

export interface ToolResult {
  readonly text: string
  readonly isError: boolean
  readonly meta: JsonObject
  readonly error: JsonObject | null
  readonly result: JsonObject
}
