import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A workflow of Microsoft Teams that a webhook request starts: keeps the cards that it is posted. */
export interface TeamsWorkflow {
  readonly url: string
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly cards: any[]
  readonly close: () => void
}

export async function teamsWorkflow(): Promise<TeamsWorkflow> {
  const cards: TeamsWorkflow['cards'] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (part) => (text += String(part)))
    request.on('end', () => {
      cards.push(JSON.parse(text))
      response.writeHead(202).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/workflows/1?sig=secret`, cards, close: () => server.close() }
}
