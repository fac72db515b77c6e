import { expect, test } from 'vitest'
import { textWithoutSecrets } from './policy-text.ts'

const lines = (text: string) => text.split('\n').length

test.each([
  ['a plain value', 'a:\n  token: tell-nobody # why\n  b: 1\n', 'a:\n  token: (hidden) # why\n  b: 1\n'],
  ['a quoted one', 'api_key: "tell\\x2dnobody"\n', 'api_key: (hidden)\n'],
  ['one in braces', '{ x: { password: tell-nobody, b: 1 } }\n', '{ x: { password: (hidden), b: 1 } }\n'],
  ['a reference', 'token: $SLACK_BOT_TOKEN\n', 'token: $SLACK_BOT_TOKEN\n'],
  ['a word that only sounds so', 'monkey: tail\ntokens: 5\n', 'monkey: tail\ntokens: 5\n'],
  ['one that is named elsewhere', 'x: &a tell-nobody\nsecret: *a\n', 'x: &a (hidden)\nsecret: *a\n'],
  ['nothing', '', ''],
])('%s', (_, text, expected) => {
  expect(textWithoutSecrets(text)).toBe(expected)
})

test.each([
  ['of several lines', 'a: 1\nsecret: |\n  tell\n  tell-nobody\nb: 2\n'],
  ['folded', 'secret: >-\n  tell-nobody\n  tell-nobody\n'],
  ['in a file that is no YAML', 'a: [\nsecret: tell-nobody\nb: }\n'],
  ['in braces of a file that is no YAML', 'a: [\nx: { c: 1, secret: tell-nobody }\nb: }\n'],
  ['of several lines in a file that is no YAML', 'a: [\nsecret: |\n  tell-nobody\n  tell-nobody\nb: }\n'],
])('%s: hidden, and every other line stays where it was', (_, text) => {
  const safe = textWithoutSecrets(text)
  expect(safe).not.toContain('tell-nobody')
  expect(lines(safe)).toBe(lines(text))
})
