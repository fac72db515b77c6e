import { UNKNOWN_IMAGE } from './image-tokens.ts'
import type { InputBound } from './price-book.ts'

/**
 * Tokens that vendors add to a prompt without a byte in the body: the system prompt for tool use and the definitions
 * of tools that are known by name (Anthropic documents 346 to 530, and 245 to 735 for each of its own client tools).
 */
const UNSEEN_OF_TOOLS = 2600
/** What frames a conversation beyond what its JSON is longer. */
const UNSEEN = 32

/**
 * A token of text is at least one byte, and JSON only ever lengthens a text, so the body bounds its tokens; images
 * count by the most that their vendor documents. What the body does not hold is bounded by the model's context
 * alone, and by nothing (`Infinity`) where that is not known. Tools that the provider runs read more than the body
 * too.
 */
export const inputBound: InputBound = (
  bodyBytes,
  media,
  { contextWindow, imageTokens = UNKNOWN_IMAGE },
  tools,
) => {
  if (media.unbounded || media.hosted.length > 0) return contextWindow ?? Infinity
  const text = Math.max(0, bodyBytes - media.inlineBytes)
  const bound = text + media.images * imageTokens + (tools ? UNSEEN_OF_TOOLS : UNSEEN)
  return contextWindow === null ? bound : Math.min(bound, contextWindow)
}
