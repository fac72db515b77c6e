/**
 * The most input tokens that one image can be, from what the vendors document:
 * - OpenAI, tiles: an image is scaled into 2,048 × 2,048 and its short side to 768, so it has at most 8 tiles of 512:
 *   85 + 8 × 170 = 1,445; gpt-4o-mini counts 2,833 + 8 × 5,667. Patches: 1,536, or more in newer models, times at most
 *   2.46; 10,000 are allowed for.
 * - Anthropic: at most 2,576 pixels on the long edge and 4,784 patches of 28 × 28.
 * - Gemini 3: 2,240 at the highest media resolution. Gemini 2 counts tiles, of which no most is documented.
 */
const LARGEST: Readonly<Record<string, readonly { readonly model: RegExp; readonly tokens: number }[]>> = {
  openai: [
    { model: /gpt-4o-mini/, tokens: 48_169 },
    { model: /^/, tokens: 24_600 },
  ],
  anthropic: [{ model: /^/, tokens: 4784 }],
  google: [{ model: /gemini-3/, tokens: 2240 }],
}

/** For models of which nothing is known: the most that is known of any. */
export const UNKNOWN_IMAGE = 48_169

/** `priceId`: the vendor's id in the price table. */
export function imageTokens(priceId: string | null, model: string): number {
  const rows = priceId !== null && Object.hasOwn(LARGEST, priceId) ? LARGEST[priceId]! : []
  return rows.find((row) => row.model.test(model.toLowerCase()))?.tokens ?? UNKNOWN_IMAGE
}
