import { expect, test } from 'vitest'
import { ChannelBook } from './channel-desk.ts'

const ON = { configured: true, open: true }

test('remembers what became of the last messages of each channel, by itself', () => {
  let now = 1
  const book = new ChannelBook(() => now)
  expect(book.status('slack', ON)).toEqual({
    name: 'slack',
    ...ON,
    missing: null,
    deliveredAt: null,
    failedAt: null,
    failure: null,
  })
  book.delivered('slack')
  now = 2
  book.failed('slack', new Error('x'.repeat(900)))
  book.failed('email', 'no route')
  expect(book.status('slack', ON)).toMatchObject({ deliveredAt: 1, failedAt: 2, failure: 'x'.repeat(500) })
  expect(book.status('email', ON)).toMatchObject({ deliveredAt: null, failedAt: 2, failure: 'no route' })
  now = 3
  book.delivered('slack')
  // A failure stays beside a later delivery: both moments say which is newer.
  expect(book.status('slack', ON)).toMatchObject({ deliveredAt: 3, failedAt: 2 })
})

test('what a channel lacks is told while the policy names it, and forgotten when it opens', () => {
  const book = new ChannelBook(() => 1)
  book.missing('slack', 'SLACK_BOT_TOKEN is not set')
  expect(book.status('slack', { configured: true, open: false }).missing).toBe('SLACK_BOT_TOKEN is not set')
  expect(book.status('slack', { configured: false, open: false }).missing).toBeNull()
  book.opening('slack')
  expect(book.status('slack', ON).missing).toBeNull()
})
