// After `npm ci` in a checkout, so that `belay up` has a console there. Where the tools to build it are left out
// (`--omit=dev`), there is nothing to do: the published package has it built.
import { createRequire } from 'node:module'

let vite
try {
  vite = createRequire(import.meta.url).resolve('vite')
} catch {
  process.exit()
}
const { build } = await import(vite)
await build({ root: import.meta.dirname, logLevel: 'warn' })
