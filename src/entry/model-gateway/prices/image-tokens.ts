/**
 * The most input tokens that one image can be, from what the vendors document:
 * - OpenAI, tiles: an image is scaled into 2,048 × 2,048 and its short side to 768, so it has at most 8 tiles of 512:
 *   85 + 8 × 170 = 1,445; gpt-4o-mini counts 2,833 + 8 × 5,667. Patches: at most 10,000 at original detail, times at
 *   most 2.46 for the smallest models.
 * - Anthropic: at most 2,576 pixels on the long edge and ⌈w/28⌉ × ⌈h/28⌉ patches: 4,784.
 * - Gemini 3: 2,240 at ultra-high resolution. Gemini 2 counts 258 for each tile of at least 256 pixels a side, out of
 *   at most 3,072: 24 tiles.
 */
const LARGEST: Readonly<Record<string, readonly { readonly model: RegExp; readonly tokens: number }[]>> = {
  openai: [
    { model: /gpt-4o-mini/, tokens: 48_169 },
    { model: /^/, tokens: 24_600 },
  ],
  anthropic: [{ model: /^/, tokens: 4784 }],
  google: [{ model: /gemini/, tokens: 6192 }],
}

/** For models of whom nothing is known: the most that is known of any. */
export const UNKNOWN_IMAGE = 48_169

/** `priceId`: the vendor's id in the price table. */
export function imageTokens(priceId: string | null, model: string): number {
  const rows = priceId !== null && Object.hasOwn(LARGEST, priceId) ? LARGEST[priceId]! : []
  return rows.find((row) => row.model.test(model.toLowerCase()))?.tokens ?? UNKNOWN_IMAGE
}
