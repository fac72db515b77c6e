import type { OpenJudge } from '../../flow/quality/scoring.ts'
import type { ContextOptions } from '../model-gateway/open-context.ts'

/** Judges by way of the model gateway, which is loaded when the first is asked. */
export function openJudge(options: Pick<ContextOptions, 'telemetry' | 'env'> = {}): OpenJudge {
  return async (parts) => {
    const { JudgeByGateway } = await import('./judge-by-gateway.ts')
    return new JudgeByGateway({ ...options, ...parts })
  }
}
