/*
 * An agent with two MCP servers: one that it starts itself behind `belay mcp`, one of the harness by HTTP. What it was
 * told goes to the file that OUT names.
 */
import { Client as ModernClient, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { writeFileSync } from 'node:fs'

const {
  OUT = '',
  FILE = '',
  ADD = '2',
  SESSION = '',
  BELAY_URL = '',
  BELAY_KEY = '',
  GATEWAY = '',
} = process.env

const files = new Client({ name: 'agent', version: '1' })
await files.connect(
  new StdioClientTransport({
    command: process.execPath,
    args: JSON.parse(GATEWAY) as string[],
    env: { ...process.env, BELAY_TOKEN: BELAY_KEY, BELAY_SESSION: SESSION },
  }),
)
const { tools } = await files.listTools()
const read = await files.callTool({ name: 'read_text_file', arguments: { path: FILE } })
const refused = await files.callTool({ name: 'move_file', arguments: { source: FILE, destination: 'b' } })

const modern = new ModernClient({ name: 'agent', version: '1' })
await modern.connect(
  new StreamableHTTPClientTransport(new URL(`${BELAY_URL}/mcp/modern`), {
    requestInit: { headers: { authorization: `Bearer ${BELAY_KEY}`, 'belay-session': SESSION } },
  }),
)
const added = await modern.callTool({ name: 'add', arguments: { a: Number(ADD), b: 40 } })

writeFileSync(OUT, JSON.stringify({ tools: tools.map(({ name }) => name), read, refused, added }))
await Promise.all([files.close(), modern.close()])
