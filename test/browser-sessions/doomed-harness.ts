// Logs in, waits until that is saved, and is killed like a process that ran out of memory.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Belay } from '../../src/index.ts'

const [folder = '', url = ''] = process.argv.slice(2)
const belay = await Belay.open({ config: join(folder, 'belay.yaml'), data: join(folder, 'data') })
const shop = await belay.browser('shop', { agent: 'buyer' })
await shop.goto(`${url}/login`)
await shop.fill({ label: 'Name' }, 'eve')
await shop.fill({ label: 'Password' }, { secret: 'SHOP_PASSWORD' })
await shop.click({ role: 'button', name: 'Log in' })
const state = join(folder, 'data', 'browsers', 'shop', 'state.json')
const isSaved = (): boolean => {
  try {
    return readFileSync(state, 'utf8').includes('"eve"')
  } catch {
    return false
  }
}
while (!isSaved()) await new Promise((resolve) => setTimeout(resolve, 50))
process.kill(process.pid, 'SIGKILL')
