import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test, vi } from 'vitest'
import { peoplePolicy, servePeople } from '../setup/served-people.ts'

test('Teams gets a card that leads to the console, one for what became of it, and nothing that formats itself', async () => {
  // oxlint-disable-next-line typescript/no-explicit-any
  const cards: any[] = []
  const workflow = createServer((request, response) => {
    let text = ''
    request.on('data', (part) => (text += String(part)))
    request.on('end', () => {
      cards.push(JSON.parse(text))
      response.writeHead(202).end()
    })
  })
  await new Promise<void>((resolve) => workflow.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(workflow.address() as AddressInfo).port}/workflows/1?sig=secret`
  const served = await servePeople(peoplePolicy('  teams: {}\n  public_url: https://belay.example.com'), {
    env: { TEAMS_WEBHOOK_URL: url },
  })
  try {
    const { action } = await served.propose('note.publish', { text: '[now](https://evil.example)' })
    if (action.state.name !== 'held') throw new Error(action.state.name)
    await vi.waitFor(() => expect(cards).toHaveLength(1), { timeout: 10_000 })
    const [attachment] = cards[0].attachments
    expect(attachment).toMatchObject({
      contentType: 'application/vnd.microsoft.card.adaptive',
      content: {
        type: 'AdaptiveCard',
        version: '1.4',
        actions: [{ url: `https://belay.example.com/approvals/${action.state.approval.id}` }],
      },
    })
    expect(JSON.stringify(attachment)).not.toContain('[now](')
    await served.harness.flow.vote(action.state.approval.id, { by: 'lead@example.com', outcome: 'approve' })
    await vi.waitFor(() => expect(cards).toHaveLength(2), { timeout: 10_000 })
    expect(JSON.stringify(cards[1])).toContain('It was approved by lead')
    expect(served.faults.join()).not.toContain('secret')
  } finally {
    await served.close()
    workflow.close()
  }
})
