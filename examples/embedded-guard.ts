// A guarded function in one process: what is allowed runs, what is not does not, and what ran can be undone.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ActionDenied, Belay } from '../src/index.ts'

const published = new Map<string, string>()
const data = mkdtempSync(join(tmpdir(), 'belay-example-'))
const belay = await Belay.open({ config: join(import.meta.dirname, 'belay.yaml'), data })
let lastId = ''

try {
  const comment = belay.guard('social.comment', {
    run: (input: { postId: string; text: string }, { id }) => {
      published.set(input.postId, input.text)
      lastId = id
      return { commentId: `c-${published.size}`, postId: input.postId }
    },
    undo: (input) => published.delete(input.postId),
  })

  const result = await comment(
    { postId: 'p1', text: 'Open until 6 pm. Mail jane@example.com for more.' },
    { agent: 'commenter', confidence: 0.93, reason: 'customer asked for opening hours' },
  )
  assert.equal(result.postId, 'p1')
  assert.ok(
    !published.get('p1')?.includes('jane@example.com'),
    'the address was redacted before it was published',
  )

  await assert.rejects(
    comment({ postId: 'p2', text: 'x'.repeat(281) }, { agent: 'commenter' }),
    (error) => error instanceof ActionDenied && error.reasons.length > 0,
  )
  assert.ok(!published.has('p2'), 'a denied action does not run')

  const undone = await belay.undo(lastId)
  assert.equal(undone.state, 'undone')
  assert.ok(!published.has('p1'), 'the comment is gone')
  console.log('ok: allowed, redacted, denied, undone')
} finally {
  await belay.close()
  rmSync(data, { recursive: true, force: true })
}
