import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { median } from './slices.ts'

/** How long it takes to append four kilobytes and have them on disk, µs, median of many. */
export function syncTime(folder: string): number {
  const path = join(folder, 'sync')
  const file = openSync(path, 'a')
  const page = Buffer.alloc(4096, 1)
  const times: number[] = []
  for (let i = 0; i < 200; i++) {
    const started = performance.now()
    writeSync(file, page)
    fdatasyncSync(file)
    times.push((performance.now() - started) * 1000)
  }
  closeSync(file)
  rmSync(path)
  return median(times)
}
