import { expect, test, vi } from 'vitest'
import { peoplePolicy, servePeople } from '../setup/served-people.ts'
import { teamsWorkflow } from '../setup/teams-workflow.ts'

test('Teams gets a card that leads to the console, one for what became of it, and nothing that formats itself', async () => {
  const { url, cards, close } = await teamsWorkflow()
  const served = await servePeople(peoplePolicy('  teams: {}\n  public_url: https://belay.example.com'), {
    env: { TEAMS_WEBHOOK_URL: url },
  })
  try {
    const { action } = await served.propose('note.publish', { text: '[now](https://evil.example)' })
    if (action.state.name !== 'held') throw new Error(action.state.name)
    await vi.waitFor(() => expect(cards).toHaveLength(1), { timeout: 60_000 })
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
    await vi.waitFor(() => expect(cards).toHaveLength(2), { timeout: 60_000 })
    expect(JSON.stringify(cards[1])).toContain('It was approved by lead')
    expect(served.faults.join()).not.toContain('secret')
  } finally {
    await served.close()
    close()
  }
})
