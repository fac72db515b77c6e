import { acceptedContent, inputRequired, McpServer } from '@modelcontextprotocol/server'
import { serveStdio } from '@modelcontextprotocol/server/stdio'
import { z } from 'zod'

/** A server of MCP 2026-07-28 over stdio, by the official SDK. */
serveStdio(() => {
  const server = new McpServer({ name: 'modern', version: '1.0.0' })
  server.registerTool(
    'add',
    { description: 'Adds numbers.', inputSchema: z.object({ a: z.number(), b: z.number() }) },
    ({ a, b }) => ({
      content: [{ type: 'text', text: String(a + b) }],
    }),
  )
  const asked = z.object({ confirm: z.boolean() })
  server.registerTool(
    'deploy',
    { description: 'Deploys.', inputSchema: z.object({ to: z.string() }) },
    ({ to }, context) => {
      if (acceptedContent(context.mcpReq.inputResponses, 'confirm', asked)?.confirm !== true)
        return inputRequired({
          inputRequests: {
            confirm: inputRequired.elicit({ message: `Really ${to}?`, requestedSchema: asked }),
          },
        })
      return { content: [{ type: 'text', text: `deployed to ${to}` }] }
    },
  )
  return server
})
