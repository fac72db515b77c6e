import type { JsonValue } from '../../action/json.ts'
import type { RequestId } from './message.ts'

/** A tool call that goes on as a task (MCP 2025-11-25, Tasks; from 2026-07-28 on an extension). */
export interface TaskEntry {
  readonly action: string
  readonly tool: string
  /** The client's progress token stays valid for the life of the task; the server knows it by our id. */
  readonly token: RequestId | null
  readonly upstreamToken: number | null
  readonly session: unknown
  reported: boolean
}

const MAX_TASKS = 10_000

/** Which task belongs to which action, for each agent. */
export class TaskBook {
  readonly #tasks = new Map<string, TaskEntry>()

  add(agent: string, taskId: string, entry: TaskEntry): void {
    for (const oldest of this.#tasks.keys()) {
      if (this.#tasks.size < MAX_TASKS) break
      this.#tasks.delete(oldest)
    }
    this.#tasks.set(`${agent}\n${taskId}`, entry)
  }

  get(agent: string, taskId: string): TaskEntry | undefined {
    return this.#tasks.get(`${agent}\n${taskId}`)
  }

  byToken(session: unknown, token: JsonValue | undefined): TaskEntry | undefined {
    if (typeof token !== 'number' || this.#tasks.size === 0) return undefined
    return [...this.#tasks.values()].find((task) => task.upstreamToken === token && task.session === session)
  }
}
