import { Code } from '../../parts/facts.tsx'
import { EmptyState } from '../../parts/states.tsx'

/** What to do when no agent is known yet. */
export function FirstSteps() {
  const { origin } = location
  return (
    <EmptyState title="No agent has done anything yet">
      <div className="first-steps">
        <p>Make a key for an agent:</p>
        <Code label="Make a key">belay keys create --agent writer</Code>
        <p>Then give its model client that key and this base URL, and every call of it goes through Belay:</p>
        <Code label="Base URL">{`OPENAI_BASE_URL=${origin}/openai/v1`}</Code>
        <p>Or propose an action by hand and watch it arrive here:</p>
        <Code label="Propose an action">{`belay propose note.add --agent writer --input '{"text":"hello"}'`}</Code>
      </div>
    </EmptyState>
  )
}
