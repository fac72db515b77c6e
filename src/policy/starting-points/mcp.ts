import type { StartingPoint } from './starting-point.ts'

const MCP = `# Servers that agents reach at /mcp/NAME with a Belay key. belay mcp wraps one that a client starts itself. A tool whose
# definition changes after it was first seen waits for a person.
# mcp:
#   servers:
#     files: { command: [npx, -y, '@modelcontextprotocol/server-filesystem', .] }
#     issues: { url: https://mcp.example.com/mcp, headers: { authorization: $ISSUES_TOKEN } }`

/** Tools of MCP servers: reads pass, everything else waits for a person. */
export const mcp: StartingPoint = {
  name: 'mcp',
  summary: 'tools of MCP servers: reads pass, writes wait for a person, results are checked',
  includes: [],
  limits: { usdPerDay: 10, usdPerAction: 1, actionsPerHour: 500, errorRate: 0.3 },
  parts: [
    {
      name: 'mcp',
      actions:
        () => String.raw`  # Tools of MCP servers: mcp.SERVER.TOOL, the input is the tool's arguments. What only reads, by its name, passes.
  # A name is a promise of whoever wrote the server: for servers that you do not trust, name each tool, or deny all
  # with mcp.SERVER.*: { verify: [{ rule: { when: 'true', then: deny } }] }
  mcp.*.get*: &mcp_read
    effect: read
    verify:
      # Arguments leave this machine: no keys in them.
      - secrets: {}
      # get_or_create, list_and_delete …: a read that says it does more waits for a person.
      - rule: { when: 'action.name.matches("(?i)(create|update|delete|remove|write|send|execute|merge)")', then: require_approval, code: 'mcp:mixed', message: The name of this tool says that it does more than read. }
    result:                            # what the agent gets to read
      verify:
        - secrets: { then: redact }
        # Orders to the agent in what a tool answers. Pages about such attacks hold them too: then: warn only notes them.
        - injection: {}
  mcp.*.list*: *mcp_read
  mcp.*.read*: *mcp_read
  mcp.*.search*: *mcp_read
  mcp.*.find*: *mcp_read
  mcp.*.describe*: *mcp_read
  # All other tools may change something: a person says yes to each call. What turns out to be harmless gets an entry
  # of its own: mcp.github.add_label: { effect: write }
  mcp.*:
    effect: irreversible
    verify:
      - secrets: {}
      - rule: { when: 'history.count("mcp.*", "10m") >= 200', then: deny, code: 'rule:burst', message: More than 200 calls of tools in ten minutes. }
    approve: [{ by: [default], expires: 1h }]
    result: { verify: [{ secrets: { then: redact } }, { injection: {} }] }`,
      section: MCP,
    },
  ],
}
