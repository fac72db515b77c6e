import type { Pack } from '../pack.ts'
import { COMPLIANCE } from './compliance/compliance.ts'
import { MISUSE } from './misuse/misuse.ts'
import { PYTHON_PATTERNS } from './patterns/python-patterns.ts'
import { PERFORMANCE } from './performance/performance.ts'
import { SILENT_FAILURE } from './silent-failure/silent-failure.ts'
import { VALUE_FLOW } from './value-flow/value-flow.ts'

/** Every pack, in the order in which they run. */
export const ALL_PACKS: readonly Pack[] = [
  VALUE_FLOW,
  MISUSE,
  PYTHON_PATTERNS,
  PERFORMANCE,
  SILENT_FAILURE,
  COMPLIANCE,
]
