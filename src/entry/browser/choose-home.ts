import { plainHome, type BrowserHome } from '../../flow/contain/browser/browser-home.ts'
import type { BrowserDoorOptions } from './browser-door.ts'

/** Where the browsers of this installation live. */
export async function chooseHome(_options: BrowserDoorOptions): Promise<BrowserHome> {
  return plainHome()
}
