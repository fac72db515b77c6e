import { providerOf } from '../sandboxes.ts'
import type { SandboxProvider } from '../../flow/contain/sandbox/provider.ts'
import type { SnippetDesk, SnippetDeskOptions } from './snippet-desk.ts'

export interface LazyDeskOptions extends Omit<SnippetDeskOptions, 'provider'> {
  /** Default: what this machine has. */
  readonly provider?: (agent: string) => Promise<SandboxProvider>
}

/** A desk that is loaded with its first snippet: a harness without snippets stays smaller. */
export function lazySnippetDesk(options: LazyDeskOptions): {
  desk(): Promise<SnippetDesk>
  close(): Promise<void>
} {
  let desk: Promise<SnippetDesk> | undefined
  return {
    desk: () =>
      (desk ??= (async () => {
        const { SnippetDesk: Desk } = await import('./snippet-desk.ts')
        const { policies, data } = options
        return new Desk({ provider: (agent) => providerOf(policies.current(), agent, data), ...options })
      })()),
    close: async () => (await desk)?.close(),
  }
}
