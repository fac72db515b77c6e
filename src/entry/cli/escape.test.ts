import { expect, test } from 'vitest'
import { escapeJson, escapeText } from './escape.ts'

const HOSTILE = [
  ['\u001b[2J\u001b[1;1H', '\\u{1b}[2J\\u{1b}[1;1H'],
  ['\u009b31m', '\\u{9b}31m'],
  ['safe\u202egnp.exe', 'safe\\u{202e}gnp.exe'],
  ['a\u2066b\u2069', 'a\\u{2066}b\\u{2069}'],
  ['pay\u200bpal', 'pay\\u{200b}pal'],
  ['line\nforged', 'line\\nforged'],
  ['over\rwrite', 'over\\rwrite'],
  ['\u0007\u0008\u007f', '\\u{7}\\u{8}\\u{7f}'],
  ['\u{e0041}', '\\u{e0041}'],
  ['\ud800', '\\u{d800}'],
  ['\u2028', '\\u{2028}'],
] as const

test.each(HOSTILE)('escapes %j', (text, escaped) => {
  expect(escapeText(text)).toBe(escaped)
})

test('leaves what people read', () => {
  const text = 'Größe 大 שלום 👍 – “ok”'
  expect(escapeText(text)).toBe(text)
})

test('JSON keeps its value and carries nothing that a terminal obeys', () => {
  const value = HOSTILE.map(([text]) => text)
  const text = escapeJson({ value })
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u)
  expect(JSON.parse(text)).toEqual({ value })
})
