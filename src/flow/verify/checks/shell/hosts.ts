import type { Analysis, Invocation } from './analysis.ts'
import { isKnown, UNKNOWN } from './marks.ts'
import { firstOperandAt, GIT_VALUED, readOptions, SSH_VALUED } from './options.ts'

const FETCHERS = new Set([
  'curl',
  'wget',
  'http',
  'https',
  'xh',
  'aria2c',
  'lynx',
  'w3m',
  'fetch',
  'links',
  'axel',
  'httpie',
  'websocat',
  'wscat',
])
const CURL_VALUED = [
  ...Array.from('AbcCdDeEFhHKmMoPQrtTuUvwxXyYz'),
  '--output',
  '--data',
  '--data-raw',
  '--data-binary',
  '--data-urlencode',
  '--header',
  '--request',
  '--user',
  '--user-agent',
  '--cookie',
  '--cookie-jar',
  '--form',
  '--max-time',
  '--connect-timeout',
  '--retry',
  '--write-out',
  '--cacert',
  '--cert',
  '--key',
  '--referer',
  '--upload-file',
  '--proxy',
  '--resolve',
  '--connect-to',
  '--output-dir',
  '--json',
  '--retry-delay',
  '--limit-rate',
  '--interface',
]
const WGET_VALUED = [
  ...Array.from('OoaPUtTwQeiA'),
  '--output-document',
  '--header',
  '--post-data',
  '--user-agent',
  '--tries',
  '--timeout',
  '--directory-prefix',
  '--post-file',
  '--method',
  '--body-data',
]

/** Registries that installers talk to when nothing else is said. */
const REGISTRIES: Readonly<Record<string, { readonly when: RegExp; readonly host: string }>> = {
  npm: {
    when: /^(?:i|install|ci|add|update|exec|x|view|audit|publish|outdated|search|init|create)$/,
    host: 'registry.npmjs.org',
  },
  pnpm: { when: /^(?:i|install|add|update|dlx|up|publish)$/, host: 'registry.npmjs.org' },
  yarn: { when: /^(?:install|add|upgrade|dlx|publish)$/, host: 'registry.yarnpkg.com' },
  bun: { when: /^(?:i|install|add|update|x)$/, host: 'registry.npmjs.org' },
  npx: { when: /./, host: 'registry.npmjs.org' },
  bunx: { when: /./, host: 'registry.npmjs.org' },
  pip: { when: /^(?:install|download|wheel|index)$/, host: 'pypi.org' },
  pipx: { when: /^(?:install|run|upgrade)$/, host: 'pypi.org' },
  uv: { when: /^(?:add|sync|pip|tool|run|lock)$/, host: 'pypi.org' },
  uvx: { when: /./, host: 'pypi.org' },
  poetry: { when: /^(?:install|add|update|lock)$/, host: 'pypi.org' },
  gem: { when: /^(?:install|update|push)$/, host: 'rubygems.org' },
  bundle: { when: /^(?:install|update)$/, host: 'rubygems.org' },
  cargo: { when: /^(?:install|add|update|fetch|publish)$/, host: 'crates.io' },
  go: { when: /^(?:get|install|mod)$/, host: 'proxy.golang.org' },
  composer: { when: /^(?:install|require|update)$/, host: 'packagist.org' },
  brew: { when: /^(?:install|upgrade|update|tap)$/, host: 'formulae.brew.sh' },
  docker: { when: /^(?:pull|push|run|build|login)$/, host: 'registry-1.docker.io' },
  podman: { when: /^(?:pull|push|run|build|login)$/, host: 'registry-1.docker.io' },
  gh: { when: /./, host: 'api.github.com' },
  aws: { when: /./, host: 'amazonaws.com' },
  gcloud: { when: /./, host: 'googleapis.com' },
  az: { when: /./, host: 'management.azure.com' },
}
const CONNECTORS = new Set([
  'nc',
  'ncat',
  'netcat',
  'telnet',
  'ftp',
  'ping',
  'traceroute',
  'nmap',
  'dig',
  'nslookup',
  'host',
  'whois',
  'rsh',
  'rlogin',
  'mosh',
])

/** Adds the hosts that a command contacts. */
export function findHosts(
  analysis: Analysis,
  program: string,
  args: readonly string[],
  how: Invocation,
): void {
  const use = (address: string): void => {
    const host = hostOf(address)
    if (host !== undefined) analysis.useHost(host, program)
  }
  for (const arg of args)
    for (const match of arg.matchAll(
      /\b(?:https?|ftps?|wss?|ssh|git|rsync|telnet|ldap|gopher|tftp|smb|scp|sftp):\/\/[^\s'"<>]{1,300}/gi,
    ))
      use(match[0])
  for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) {
    const proxy = how.scope.vars.get(name)
    if (typeof proxy === 'string' && proxy !== '') use(proxy)
  }
  if (FETCHERS.has(program)) {
    const { operands, values } = readOptions(
      args,
      program === 'wget' ? WGET_VALUED : program === 'curl' ? CURL_VALUED : [],
    )
    for (const operand of operands) use(operand)
    for (const name of ['-x', '--proxy', '--connect-to', '--resolve', '--url'])
      if (values.has(name))
        use(
          values
            .get(name)!
            .split(':')
            .at(name === '--connect-to' ? 2 : 0) ?? UNKNOWN,
        )
    if (args.some((arg) => /^(?:-K|--config|-i|--input-file)/.test(arg) && program !== 'curl')) use(UNKNOWN)
  } else if (program === 'ssh' || program === 'mosh' || program === 'ssh-copy-id' || program === 'sftp') {
    const at = firstOperandAt(args, SSH_VALUED)
    if (args[at] !== undefined) use(args[at])
  } else if (program === 'scp' || program === 'rsync') {
    for (const arg of args) {
      const match = /^(?:[^@/\s]+@)?([^:/\s]+):/.exec(arg)
      if (match !== null && !arg.startsWith('-') && !arg.includes('://')) use(match[1]!)
      else if (!isKnown(arg) && !arg.includes('/')) use(UNKNOWN)
    }
  } else if (CONNECTORS.has(program)) {
    const { operands } = readOptions(args, Array.from('pwstqigXx'))
    const [first] = operands.filter((operand) => !/^\d+(?:-\d+)?$/.test(operand))
    if (first !== undefined) use(first)
  } else if (program === 'git') {
    const rest = args.slice(firstOperandAt(args, GIT_VALUED))
    if (/^(?:clone|fetch|pull|push|ls-remote|remote|submodule)$/.test(rest[0] ?? ''))
      for (const arg of rest.slice(1)) {
        const match = /^(?:[\w.-]+@)?([\w.-]+\.[\w-]+):(?!\/\/)/.exec(arg)
        if (match !== null) use(match[1]!)
      }
  } else if (program === 'socat') {
    for (const arg of args) {
      const match = /^(?:tcp|udp|ssl|openssl)(?:4|6)?(?:-connect)?:([^:,]+)/i.exec(arg)
      if (match !== null) use(match[1]!)
    }
  } else if (program === 'openssl') {
    const at = args.indexOf('-connect')
    if (at !== -1) use(args[at + 1] ?? UNKNOWN)
  }
  const registry = Object.hasOwn(REGISTRIES, program) ? REGISTRIES[program] : undefined
  if (registry === undefined) return
  const index = args.findIndex((arg) =>
    /^(?:--registry|--index-url|-i|--extra-index-url|--source)(?:=|$)/.test(arg),
  )
  if (index !== -1 && program !== 'docker')
    use(
      args[index]!.includes('=')
        ? args[index]!.slice(args[index]!.indexOf('=') + 1)
        : (args[index + 1] ?? UNKNOWN),
    )
  else if (args.some((arg) => registry.when.test(arg))) analysis.useHost(registry.host, program)
}

/** The host of an address as clients read it; `undefined` for what is none. */
function hostOf(address: string): string | undefined {
  const text = address.replaceAll('\u0005', '')
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)
  if (/^file:/i.test(text)) return undefined
  const rest = scheme === null ? text : text.slice(scheme[0].length)
  const authority = rest.split(/[/?#]/, 1)[0]!
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  if (host === '' || !isKnown(host)) return UNKNOWN
  const url = `http://${host.startsWith('[') ? host : host.replace(/:\d*$/, '')}`
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') : UNKNOWN
}
