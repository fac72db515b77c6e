/** Basic character set of 3GPP TS 23.038 (GSM 03.38), section 6.2.1, without the escape. One septet each. */
const BASIC =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?' +
  '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà'

/** Basic extension table, section 6.2.1.1: an escape and the character, two septets that stay together. */
const EXTENSION = '\f^{}\\[~]|€'

const SEPTETS: ReadonlyMap<string, number> = new Map([
  ...Array.from(BASIC, (char) => [char, 1] as const),
  ...Array.from(EXTENSION, (char) => [char, 2] as const),
])

// Letters, digits and the commonest signs: a text of these alone has as many septets as characters.
const ONE_SEPTET_EACH = /^[A-Za-z0-9 \n\r!"#$%&'()*+,\-./:;<=>?@_]*$/

/**
 * How many segments of an SMS a text takes. GSM-7: 160 septets, or 153 in each of several (the header that
 * joins them takes the rest: 3GPP TS 23.040, section 9.2.3.24.1). One character outside that alphabet makes
 * it UCS-2: 70 UTF-16 units, or 67. No segment ends inside an escape or a surrogate pair. Empty text: 0.
 */
export function smsSegments(text: string): number {
  if (text.length === 0) return 0
  if (ONE_SEPTET_EACH.test(text)) return text.length <= 160 ? 1 : Math.ceil(text.length / 153)
  const septets = sizesInGsm7(text)
  if (septets !== null) return pack(septets, 160, 153)
  const units: number[] = []
  for (const char of text) units.push(char.length)
  return pack(units, 70, 67)
}

function sizesInGsm7(text: string): readonly number[] | null {
  const sizes: number[] = []
  for (const char of text) {
    const size = SEPTETS.get(char)
    if (size === undefined) return null
    sizes.push(size)
  }
  return sizes
}

function pack(sizes: readonly number[], single: number, joined: number): number {
  let total = 0
  let segments = 1
  let used = 0
  for (const size of sizes) {
    total += size
    if (used + size > joined) {
      segments += 1
      used = 0
    }
    used += size
  }
  return total <= single ? 1 : segments
}
