import { expect, it } from 'vitest'
import { smsSegments } from './sms-segments.ts'

it.each([
  ['nothing', '', 0],
  ['160 letters', 'a'.repeat(160), 1],
  ['161 letters', 'a'.repeat(161), 2],
  ['306 letters', 'a'.repeat(306), 2],
  ['307 letters', 'a'.repeat(307), 3],
  ['80 euro signs, two septets each', '€'.repeat(80), 1],
  ['81 euro signs', '€'.repeat(81), 2],
  ['an escape that would straddle two segments', 'a'.repeat(152) + '€' + 'a'.repeat(152), 3],
  ['Greek capitals and accents of the alphabet', 'ΔΦΓèéùÑ§¿'.repeat(17), 1],
  ['70 Cyrillic letters', 'ы'.repeat(70), 1],
  ['71 Cyrillic letters', 'ы'.repeat(71), 2],
  ['134 Cyrillic letters', 'ы'.repeat(134), 2],
  ['one letter outside the alphabet', 'a'.repeat(70) + 'ç', 2],
  ['35 emoji', '😀'.repeat(35), 1],
  ['36 emoji', '😀'.repeat(36), 2],
  ['surrogate pairs stay together: 33 in a segment', '😀'.repeat(67), 3],
  ['a backtick is not in the alphabet', '`'.repeat(71), 2],
])('%s', (_, text, segments) => {
  expect(smsSegments(text)).toBe(segments)
})
