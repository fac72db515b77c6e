import { digestOf } from '../../action/digest.ts'
import type { JsonValue } from '../../action/json.ts'
import type { Policy } from '../../policy/policy.ts'
import type { AgentDeclaration } from './declaration.ts'

/** One agent, not a pattern of names; as the doors take names. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,127}$/

/** The agents to which the policy gives a command. An entry for many names starts none of them. */
export function declaredAgents(policy: Policy): readonly AgentDeclaration[] {
  return policy.agentRules.flatMap(({ pattern, run }) => {
    const { command, workspace, restart, sandbox } = run
    if (command === null || !NAME.test(pattern)) return []
    const { provider, quotas, require, env, readOnly } = sandbox
    const how = { command, workspace, provider, quotas, require, env, readOnly }
    // Its environment holds a placeholder for each; what goes out is looked up for every request.
    const secrets = policy.secrets
    const digest = digestOf({ ...how, secrets } as unknown as JsonValue)
    return [{ agent: pattern, restart, ...how, digest }]
  })
}
