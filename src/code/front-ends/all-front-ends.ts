import type { FrontEnd } from './front-end.ts'
import { JAVASCRIPT } from './javascript/javascript.ts'

export const FRONT_ENDS: readonly FrontEnd[] = [JAVASCRIPT]
