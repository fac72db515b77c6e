/**
 * Families of models that produce no tokens but those that they show, unless the request asks them to think. Everything
 * else may have thought, and billed for it, before its answer broke off.
 */
const SHOW_ALL = [
  'gpt-3.5',
  'gpt-4',
  'chatgpt-4o',
  'claude-2',
  'claude-3',
  'claude-sonnet-4',
  'claude-opus-4',
  'claude-haiku-4',
  'gemini-1',
  'gemini-2.0',
]

/** A request that asks a model to think, in the words of the protocols. */
const ASKED = ['reasoning', 'reasoning_effort', 'thinking', 'thinkingConfig', 'effort', 'output_config']

/** Whether the model may have been billed for tokens that nobody sees. */
export function mayThinkUnseen(model: string | null, params: Readonly<Record<string, unknown>>): boolean {
  if (ASKED.some((name) => params[name] !== undefined)) return true
  // OpenRouter and the like put the maker before the name.
  const name = (model ?? '').slice((model ?? '').lastIndexOf('/') + 1)
  return !SHOW_ALL.some((family) => name.startsWith(family))
}
