import type { Rule } from '../rule.ts'
import { disclosed } from './told-personal.ts'

export const PERSONAL_DATA_IN_PROMPT: Rule = {
  info: {
    id: 'compliance/personal-data-in-prompt',
    title: 'Personal data in a prompt',
    cwe: 'CWE-359',
    tags: ['GDPR Art. 5(1)(c)', 'GDPR Art. 28', 'CCPA §1798.100(c)', 'SOC 2 C1.1', 'OWASP LLM02:2025'],
    severity: 'warning',
    help: 'Give the model what the task needs and nothing that names the person: select the fields, put placeholders in and fill them in afterwards, or redact before the call.',
  },
  *find(effects) {
    for (const module of effects.program.modules) {
      if (module.test) continue
      for (const within of module.functions)
        for (const operation of effects.operations(within)) {
          if (operation.kind !== 'model' || operation.call.kind !== 'call') continue
          for (const each of disclosed(operation.call.args, within, operation.call, effects, {
            secrets: true,
          }))
            yield {
              module: each.module,
              span: each.span,
              path: each.path,
              message: `${each.what} is sent to a model in its prompt.`,
            }
        }
    }
  },
}
