import type { FrontEnd } from './front-end.ts'
import { JAVASCRIPT } from './javascript/javascript.ts'
import { PYTHON } from './python/python.ts'

export const FRONT_ENDS: readonly FrontEnd[] = [JAVASCRIPT, PYTHON]
