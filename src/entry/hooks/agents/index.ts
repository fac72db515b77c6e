import type { HookedAgent } from '../tool-use.ts'
import { claudeCode } from './claude-code.ts'
import { codex } from './codex.ts'
import { cursor } from './cursor.ts'
import { gemini } from './gemini.ts'
import { opencode } from './opencode.ts'

/** The coding agents whose hooks Belay speaks. */
export const HOOKED_AGENTS: readonly HookedAgent[] = [claudeCode, codex, gemini, opencode, cursor]
