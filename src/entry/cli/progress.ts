import { escapeText } from './escape.ts'

/** Faster runs show nothing, milliseconds. */
const PATIENCE = 700
const PAUSE = 100

/** Progress on one line of stderr, on a terminal alone; `end` takes the line away. */
export function showProgress(): { tell(done: number, of: number, what: string): void; end(): void } {
  const stream = process.stderr
  const started = performance.now()
  let told = 0
  if (!stream.isTTY) return { tell: () => undefined, end: () => undefined }
  return {
    tell(done, of, what) {
      const now = performance.now()
      if (now - started < PATIENCE || now - told < PAUSE) return
      told = now
      const text = `checking ${done}/${of} ${escapeText(what)}`
      stream.write(`\r\u001b[K${text.slice(0, (stream.columns || 80) - 1)}`)
    },
    end() {
      if (told > 0) stream.write('\r\u001b[K')
    },
  }
}
