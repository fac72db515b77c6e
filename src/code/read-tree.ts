import type { CheckOptions } from './check-tree.ts'
import type { Program } from './flow-graph/program.ts'

/** Reads the files of a folder into one program, with calls resolved. */
export async function readTree(_folder: string, _options: CheckOptions): Promise<Program> {
  throw new Error('not there yet')
}
