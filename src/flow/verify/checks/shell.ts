import { realpathSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import type { Decision } from '../../../action/decision.ts'
import type { JsonObject, JsonValue } from '../../../action/json.ts'
import type { Check, CheckFinding } from '../../../policy/check.ts'
import { compileField, FIELD_OPTION, wrongTypeFindings } from '../fields.ts'
import { analyseCommand } from './shell/analyse.ts'
import { HAZARD_MESSAGES, OPAQUE_MESSAGES } from './shell/facts.ts'
import type { PathUse, ShellFacts } from './shell/facts.ts'
import { readable, UNKNOWN } from './shell/marks.ts'
import { compilePathPattern, mayHold, mayLieIn } from './shell/paths.ts'
import type { PathPattern } from './shell/paths.ts'
import { quoted } from './shell/program-name.ts'

const VERDICT = { type: 'string', enum: ['deny', 'require_approval', 'allow'] } as const satisfies JsonObject
const NAMES = { type: 'array', items: { type: 'string', minLength: 1 } } as const satisfies JsonObject
const PATHS = {
  type: 'array',
  items: { type: 'string', minLength: 1 },
  minItems: 1,
} as const satisfies JsonObject
const MAX_LINKS = 64

/**
 * Reads a command line as a shell would and refuses what it would do: programs, paths and hosts that the policy does
 * not want, what is plainly destructive, and what cannot be known before it runs.
 */
export const shell: Check = {
  name: 'shell',
  options: {
    type: 'object',
    additionalProperties: false,
    properties: {
      field: {
        ...FIELD_OPTION,
        description: 'Dotted path of the command line in the input. Default: command.',
      },
      deny_programs: {
        ...NAMES,
        description: 'Programs that must not run, by base name; * stands for any letters.',
      },
      allow_programs: {
        ...NAMES,
        description: 'The only programs that may run. Builtins that touch nothing always may.',
      },
      deny_paths: {
        ...PATHS,
        description: 'Paths that must not be touched, with everything below them: ~/.ssh, **/.env, /etc.',
      },
      write_within: {
        ...PATHS,
        description: 'The only places that may be written or deleted in; . is where the command starts.',
      },
      hosts: {
        type: 'object',
        additionalProperties: false,
        properties: {
          allow: {
            ...NAMES,
            description: 'The only hosts that may be contacted, their subdomains included.',
          },
        },
        required: ['allow'],
      },
      opaque: { ...VERDICT, description: 'What cannot be known before it runs. Default: deny.' },
      destructive: { ...VERDICT, description: 'What is plainly destructive. Default: deny.' },
    },
  },
  prepare(options) {
    const textsOf = compileField(options['field'] ?? 'command')
    const rules = compileRules(options)
    const ownField = options['field'] === undefined
    return ({ input }) => {
      const { texts, wrongType } = textsOf(input)
      const findings = wrongTypeFindings(wrongType)
      const commands = texts.map(({ text }) => text)
      if (commands.length === 0 && findings.length === 0) {
        const given = ownField ? commandOf(input) : undefined
        if (given === undefined)
          findings.push({
            code: 'shell:missing',
            message: 'There is no command to look at.',
            decision: 'deny',
          })
        else commands.push(given)
      }
      for (const command of commands) findings.push(...judge(analyse(command, input['cwd']), rules))
      return findings
    }
  },
}

interface Rules {
  readonly denied: readonly RegExp[]
  readonly allowed: readonly RegExp[] | null
  readonly deniedPaths: readonly PathPattern[]
  readonly within: readonly PathPattern[] | null
  readonly hosts: readonly string[] | null
  readonly opaque: Decision
  readonly destructive: Decision
}

function compileRules(options: JsonObject): Rules {
  const { hosts } = options
  const allowedHosts =
    typeof hosts === 'object' && hosts !== null && !Array.isArray(hosts)
      ? (hosts as JsonObject)['allow']
      : undefined
  return {
    denied: list(options['deny_programs']).map(programPattern),
    allowed:
      options['allow_programs'] === undefined ? null : list(options['allow_programs']).map(programPattern),
    deniedPaths: list(options['deny_paths']).map(compilePathPattern),
    within:
      options['write_within'] === undefined ? null : list(options['write_within']).map(compilePathPattern),
    hosts:
      allowedHosts === undefined
        ? null
        : list(allowedHosts).map((host) => host.toLowerCase().replace(/^\*\./, '')),
    opaque: (options['opaque'] ?? 'deny') as Decision,
    destructive: (options['destructive'] ?? 'deny') as Decision,
  }
}

function list(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : []
}

function programPattern(name: string): RegExp {
  return new RegExp(
    `^${name
      .toLowerCase()
      .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll(/\*+/g, '.*')}$`,
  )
}

/** A command that came as program and arguments. */
function commandOf({ program, args }: JsonObject): string | undefined {
  if (
    typeof program !== 'string' ||
    !(args === undefined || (Array.isArray(args) && args.every((arg) => typeof arg === 'string')))
  )
    return undefined
  return [program, ...((args ?? []) as readonly string[])].map(quoted).join(' ')
}

function analyse(command: string, cwd: JsonValue | undefined): ShellFacts {
  if (typeof cwd !== 'string' || !isAbsolute(cwd)) return analyseCommand(command)
  let left = MAX_LINKS
  return analyseCommand(command, { cwd, follow: (path) => (left-- > 0 ? realPath(path) : path) })
}

/** Where the deepest part of the path that exists leads to; the path itself where nothing of it is here. */
function realPath(path: string): string {
  if (path.includes(UNKNOWN)) return path
  let rest = ''
  for (let at = path; at !== '' && at !== '/'; at = at.slice(0, at.lastIndexOf('/'))) {
    try {
      return realpathSync(at) + rest
    } catch {
      rest = at.slice(at.lastIndexOf('/')) + rest
    }
  }
  return path
}

/** Commands of the shell that only steer it. */
const STEERING = new Set(
  ':|true|false|cd|pwd|test|[|echo|printf|export|local|declare|typeset|readonly|unset|set|shift|read|exit|return|break|continue|wait|let|getopts|pushd|popd|type|command|builtin|trap|umask|alias|unalias|shopt|times|hash|jobs|bg|fg|disown|history|eval|source|.'.split(
    '|',
  ),
)

function judge(facts: ShellFacts, rules: Rules): CheckFinding[] {
  const findings: CheckFinding[] = []
  const add = (code: string, message: string, decision: Decision, evidence: JsonObject): void => {
    if (decision !== 'allow') findings.push({ code: `shell:${code}`, message, evidence, decision })
  }
  if (facts.unread !== null) {
    // A line that was read in part may hold anything: there is no option that lets it pass.
    findings.push({
      code: 'shell:not_read',
      message: `The command cannot be vouched for: ${facts.unread}.`,
      decision: 'deny',
    })
  }
  for (const { kind, program } of facts.hazards)
    add(kind, `The command ${HAZARD_MESSAGES[kind]}.`, rules.destructive, { program: readable(program) })
  for (const { what, program } of facts.opaque)
    add('opaque', `The command cannot be judged: ${OPAQUE_MESSAGES[what]}.`, rules.opaque, {
      program: readable(program),
      what,
    })
  for (const { program, written, via } of facts.commands) {
    if (program === null) continue
    const evidence = { program: readable(written), via: via.map(readable) }
    if (rules.denied.some((pattern) => pattern.test(program)))
      add('program_denied', 'The command runs a program that the policy denies.', 'deny', evidence)
    else if (
      rules.allowed !== null &&
      !STEERING.has(program) &&
      !rules.allowed.some((pattern) => pattern.test(program))
    )
      add(
        'program_not_allowed',
        'The command runs a program that the policy does not allow.',
        'deny',
        evidence,
      )
  }
  for (const use of facts.paths) judgePath(use, rules, add)
  if (rules.hosts !== null) {
    for (const { host, program } of facts.hosts) {
      if (host.includes(UNKNOWN))
        add(
          'opaque',
          'The command cannot be judged: which host it contacts is only known when it runs.',
          rules.opaque,
          { program },
        )
      else if (!rules.hosts.some((allowed) => host === allowed || host.endsWith(`.${allowed}`)))
        add('host_not_allowed', 'The command contacts a host that the policy does not allow.', 'deny', {
          program,
          host: readable(host),
        })
    }
  }
  return findings
}

type Add = (code: string, message: string, decision: Decision, evidence: JsonObject) => void

function judgePath(
  { role, path, program, recursive }: PathUse,
  { deniedPaths, within, opaque }: Rules,
  add: Add,
): void {
  const evidence = { program: readable(program), path: readable(path), role }
  const denied = deniedPaths.some(
    (pattern) => mayLieIn(path, pattern) || ((recursive || role === 'delete') && mayHold(path, pattern)),
  )
  if (denied) {
    if (path.includes(UNKNOWN))
      add(
        'opaque',
        'The command cannot be judged: which file it touches is only known when it runs.',
        opaque,
        evidence,
      )
    else add('path_denied', 'The command touches a path that the policy denies.', 'deny', evidence)
  }
  if (within === null || role === 'read' || path.includes(UNKNOWN)) return
  if (!within.some((pattern) => mayLieIn(path, pattern)))
    add('writes_outside', 'The command writes or deletes outside of where it may.', 'deny', evidence)
}
