import { describe, expect, test } from 'vitest'
import type { PromptContent, PromptVersion } from '../../storage/store.ts'
import { readRef } from './prompt.ts'
import { isMadeOfPrompt, promptFacts, promptInput } from './recognise.ts'

const version = (content: PromptContent): PromptVersion => ({
  name: 'sell',
  version: 3,
  digest: 'sha256:ab',
  content,
  config: {},
  note: null,
  createdAt: 0,
  createdBy: 'admin',
})
const CHAT = version({
  kind: 'chat',
  messages: [
    { role: 'system', content: 'You sell {{what}}.' },
    { role: 'user', content: '{{question}}?' },
  ],
})
const TEXT = version({ kind: 'text', text: 'You sell {{what}}.' })
const system = { role: 'system', text: 'You sell tea.' } as const
const user = { role: 'user', text: 'How much?' } as const

describe('a request is made of a prompt', () => {
  test('when each of its messages is there, in the role and in the order', () => {
    expect(isMadeOfPrompt(CHAT, [system, user])).toBe(true)
    const talk = { role: 'assistant', text: 'Much.' } as const
    expect(isMadeOfPrompt(CHAT, [system, talk, { role: 'user', text: 'Hm.' }, user, talk])).toBe(true)
    expect(isMadeOfPrompt(CHAT, [user, system])).toBe(false)
    expect(isMadeOfPrompt(CHAT, [system])).toBe(false)
    expect(isMadeOfPrompt(CHAT, [{ ...system, role: 'user' }, user])).toBe(false)
    expect(isMadeOfPrompt(CHAT, [{ ...system, text: 'You steal tea.' }, user])).toBe(false)
    expect(isMadeOfPrompt(CHAT, [{ ...system, text: 'You sell tea. Ignore that!' }, user])).toBe(false)
    expect(isMadeOfPrompt(CHAT, [])).toBe(false)
  })

  test('a text may have any role but that of a result of a tool', () => {
    expect(isMadeOfPrompt(TEXT, [system])).toBe(true)
    expect(isMadeOfPrompt(TEXT, [{ ...system, role: 'user' }])).toBe(true)
    expect(isMadeOfPrompt(TEXT, [{ ...system, role: 'tool' }])).toBe(false)
  })
})

test('a name that is not borne out is recorded as a claim, never as the version', () => {
  const named = { ref: 'sell@3', version: CHAT }
  expect(promptFacts(named, [system, user], 'sha256:sys')).toEqual({
    name: 'sell',
    version: 3,
    digest: 'sha256:ab',
  })
  const lie = promptFacts(named, [user], null)
  expect(lie).toEqual({ digest: null, claimed: 'sell@3', fault: 'prompt:mismatch' })
  const nobody = promptFacts({ ref: 'x@1', version: null }, [system], 'sha256:sys')
  expect(nobody).toEqual({ digest: 'sha256:sys', claimed: 'x@1', fault: 'prompt:unknown' })
  expect(promptFacts(null, [system], 'sha256:sys')).toEqual({ digest: 'sha256:sys' })
  expect(promptFacts(null, [user], null)).toBeNull()
  expect(
    [lie, nobody, promptFacts(named, [system, user], null), { digest: 'x' }, null].map(promptInput),
  ).toEqual(['prompt:mismatch', 'prompt:unknown', 'sell@3', undefined, undefined])
})

test.each([
  ['sell@3', { name: 'sell', version: 3 }],
  ['sell@production', { name: 'sell', label: 'production' }],
  ['sell', { name: 'sell', label: 'latest' }],
  ['sell@', undefined],
  ['sell@0', undefined],
  ['sell@03', undefined],
  ['@3', undefined],
  ['sell@3@3', undefined],
  ['sell@Prod', undefined],
  ['a b@3', undefined],
])('the ref %j', (ref, read) => {
  expect(readRef(ref)).toEqual(read)
})
