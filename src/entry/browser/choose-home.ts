import { plainHome, type BrowserHome } from '../../flow/contain/browser/browser-home.ts'
import { sandboxedHome } from '../../flow/contain/browser/sandboxed-home.ts'
import { bubblewrapProvider } from '../../flow/contain/sandbox/choose-provider.ts'
import type { BrowserDoorOptions } from './browser-door.ts'

/** Says that browsers may run without a sandbox of their own, on machines that have none. */
const UNSAFE = 'BELAY_UNSAFE_BROWSERS'

/**
 * Where the browsers of this installation live: in sandboxes. Without them only where whoever starts the harness says
 * so, `BELAY_UNSAFE_BROWSERS=1`; a browser that cannot be contained does not start.
 */
export async function chooseHome({ data, policies }: BrowserDoorOptions): Promise<BrowserHome> {
  if (process.env[UNSAFE] === '1') return plainHome()
  const { path } = policies.current()
  return sandboxedHome(bubblewrapProvider({ data, protects: path === null ? [] : [path] }))
}
