import type { StartingPoint } from './starting-point.ts'

const PATH = `{ type: object, required: [path], properties: { path: { type: string, minLength: 1, maxLength: 4096 } } }`

// Names alone: `..` counts as outside wherever it leads, and links are not followed.
const INSIDE = String.raw`!input.path.matches("(^|[/\\\\])\\.\\.([/\\\\]|$)") && (!input.path.matches("^([/\\\\~]|[A-Za-z]:)") || lists.workspace.exists(root, input.path == root || input.path.startsWith(root + "/")))`

// "$" marks the end, so that an entry of a list can mean the end of a name as well as a part.
const names = (list: string): string =>
  `lists.${list}.exists(part, ("/" + input.path + "$").lowerAscii().contains(part))`

const workspace = (folder: string): readonly string[] => [
  '  # Folders that the agent may work in. Relative paths that do not climb out count as inside.',
  `  workspace: [${JSON.stringify(folder)}, /tmp]`,
]

const inFolder = (folder: string, name: string): string => JSON.stringify(`${folder}/${name}`)

/** Agents that write code on a person's machine or in CI. */
export const codingAgent: StartingPoint = {
  name: 'coding-agent',
  summary: 'agents that write code: shell, files, web, MCP tools and models',
  includes: ['mcp', 'model-gateway'],
  // Prompts of coding agents are long, and commands that fail are their daily work.
  limits: { usdPerDay: 100, usdPerAction: 20, actionsPerHour: 2000, errorRate: 0.7 },
  parts: [
    {
      name: 'shell',
      lists: (folder) => [
        ...workspace(folder),
        '  # What a person sees before it runs: acts that leave the machine or cannot be taken back.',
        "  asked_commands: ['sudo ', 'git push', 'npm publish', 'docker push', 'terraform apply', 'kubectl ', 'ssh ', 'scp ']",
      ],
      actions: (
        folder,
      ) => `  # Commands, read as a shell would read them: docs/checks/shell.md. A guard against mistakes; what must hold against a
  # hostile agent is a sandbox.
  shell.run:
    effect: irreversible
    input:
      type: object
      anyOf: [{ required: [command] }, { required: [program] }]
      properties: { command: { type: string, maxLength: 100000 } }
    timeout: 1h
    verify:
      # Never: the policy and the records of Belay, disks, the machine itself.
      - shell: { deny_programs: [mkfs*, fdisk, parted, shutdown, reboot, poweroff, halt], deny_paths: [belay.yaml, .belay, ${inFolder(folder, 'belay.yaml')}, ${inFolder(folder, '.belay')}], destructive: allow, opaque: allow }
      # A person sees first: what is plainly destructive (rm -rf, force pushes, curl | sh …), keys, what is written outside of
      # the workspace, and what cannot be known before it runs (python -c …). In a sandbox, opaque: allow asks less often.
      - shell: { deny_paths: ['~/.ssh', '~/.aws', '~/.gnupg', '~/.kube', '~/.netrc', .env, ${inFolder(folder, '.env')}], write_within: [., /tmp, ${JSON.stringify(folder)}], destructive: require_approval, opaque: require_approval, then: require_approval }
      - rule: { when: 'has(input.cwd) && !lists.workspace.exists(root, input.cwd == root || input.cwd.startsWith(root + "/"))', then: require_approval, code: 'shell:outside', message: The command runs outside the folders of lists.workspace. }
      - rule: { when: 'has(input.command) && lists.asked_commands.exists(part, (" " + input.command).contains(" " + part))', then: require_approval, code: 'shell:asked', message: A person sees such commands before they run (lists.asked_commands). }
      # Keys on a command line end up in process lists, histories and logs.
      - secrets: { then: require_approval }`,
    },
    {
      name: 'files',
      lists: (folder) => [
        ...workspace(folder),
        '  # Parts of paths, in lower case; $ is the end. Files that hold keys, and files that git, editors, CI or the agent',
        '  # itself run or obey later.',
        '  key_files: [/.env$, /.env., /.netrc$, /.npmrc$, /.pypirc$, /.git-credentials$, /.ssh/, /.aws/, /.gnupg/, /.kube/, .pem$, .key$, .p12$, /id_rsa$, /id_ed25519$]',
        '  obeyed_files: [/.git/, /.github/workflows/, /.gitlab-ci.yml$, /.husky/, /.vscode/, /.claude/, /.cursor/, /.codex/, /.gemini/, /.mcp.json$, /.bashrc$, /.zshrc$, /.profile$]',
      ],
      actions: () => `  # Files. Names are compared and links are not followed: as above, this is no sandbox.
  file.read:
    effect: read
    input: &path ${PATH}
    verify:
      - rule: &keys { when: '${names('key_files')}', then: require_approval, code: 'file:keys', message: This file holds keys or passwords (lists.key_files). }
      - rule: &outside { when: '!(${INSIDE})', then: require_approval, code: 'file:outside', message: This path lies outside the folders of lists.workspace. }
  file.write:
    effect: write
    input: *path
    verify:
      # The agent does not loosen its own leash.
      - rule: &leash { when: '("/" + input.path).lowerAscii().contains("/belay.yaml") || ("/" + input.path + "/").lowerAscii().contains("/.belay/")', then: deny, code: 'file:leash', message: Agents do not change the policy or the records of Belay. }
      - rule: *keys
      - rule: &obeyed { when: '${names('obeyed_files')}', then: require_approval, code: 'file:obeyed', message: Other programs run or obey what this file says (lists.obeyed_files). }
      - rule: *outside
      - secrets: { field: [text, content], then: require_approval }
  file.delete:
    effect: irreversible
    input: *path
    verify:
      - rule: *leash
      - rule: *keys
      - rule: *obeyed
      - rule: *outside
      - rule: { when: 'history.count("file.delete", "10m") >= 20', then: require_approval, code: 'rule:burst', message: More than 20 files deleted in ten minutes. }`,
    },
    {
      name: 'web',
      lists: () => [
        '  # Hosts that may be written to. Reading is free, except as the rules of http.GET say.',
        '  writable_hosts: [localhost, 127.0.0.1]',
      ],
      actions:
        () => String.raw`  # The web. An address carries data out as well as a body does: no keys in either.
  http.GET: &http_read
    effect: read
    verify:
      - secrets: {}
      # Where clouds hand out credentials to whatever runs on the machine.
      - rule: &metadata { when: 'has(input.host) && input.host.matches("(?i)^(169\\.254\\.|\\[?fd00:ec2:|metadata\\.google\\.internal|100\\.100\\.100\\.200)")', then: deny, code: 'http:metadata', message: Addresses that hand out the credentials of a machine are not for agents. }
  http.HEAD: *http_read
  http.*:
    effect: irreversible
    verify:
      - secrets: {}
      - rule: *metadata
    approve:
      - { when: '!has(input.host) || !(input.host in lists.writable_hosts)', by: [default], expires: 1h, message: Writing to this host needs a person. }`,
    },
  ],
}
