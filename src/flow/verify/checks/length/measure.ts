import { countGraphemes } from './graphemes.ts'
import type { LengthUnit } from './platform-lengths.ts'
import { smsSegments } from './sms-segments.ts'
import { weightedLength } from './weighted-length.ts'

const SURROGATE_PAIR = /[\ud800-\udbff][\udc00-\udfff]/g
const PICTOGRAPH =
  /\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u200d|\ufe0f|\u20e3/gu

const MEASURES: Readonly<Record<LengthUnit, (text: string, enough: number) => number>> = {
  utf16: (text) => text.length,
  codepoints: countCodePoints,
  bytes: (text) => Buffer.byteLength(text, 'utf8'),
  graphemes: countGraphemes,
  weighted: weightedLength,
  emoji_bytes: (text) => countCodePoints(text) + bytesBeyondOne(text),
  sms_segments: smsSegments,
}

/** Length of a text in the unit. Where it is larger than `enough` it may stop counting. */
export function measure(text: string, unit: LengthUnit, enough: number): number {
  return MEASURES[unit](text, enough)
}

function countCodePoints(text: string): number {
  return text.length - (text.match(SURROGATE_PAIR)?.length ?? 0)
}

/** Code points count 1, those of emoji as many as they have UTF-8 bytes. */
function bytesBeyondOne(text: string): number {
  let beyond = 0
  for (const part of text.match(PICTOGRAPH) ?? []) beyond += Buffer.byteLength(part, 'utf8') - 1
  return beyond
}
