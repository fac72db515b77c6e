import type { Analysis, Invocation } from './analysis.ts'
import { runText, unknownCode } from './builtins.ts'
import { isKnown } from './marks.ts'
import { firstOperandAt, GIT_VALUED, readOptions } from './options.ts'
import { inside } from './scope.ts'

/** Settings of git that name a program. */
const GIT_PROGRAMS =
  /^(?:alias\.|core\.(?:sshcommand|editor|pager|fsmonitor|hookspath|askpass|gitproxy)|sequence\.editor|diff\.|difftool\.|mergetool\.|merge\.|filter\.|credential\.|gpg\.|pager\.|browser\.|uploadpack\.|receive\.|init\.templatedir|interactive\.difffilter|include|protocol\.ext)/i
const HARMLESS_SETTING =
  /^(?:merge\.(?:conflictstyle|ff|renames|stat)|diff\.(?:algorithm|renames|colormoved|noprefix|mnemonicprefix|context)|credential\.(?:helper=(?:|cache|store|osxkeychain|manager)$|username|usehttppath)|gpg\.format|core\.pager=(?:cat|less)?$|core\.editor=(?:true|:|vim|vi|nano|code --wait)?$|receive\.(?:deny|fsck)|pager\.\w+=false$|core\.hookspath=(?:\.husky|\.githooks)$)/i

/** Commands in settings, aliases and sub-commands of git. */
export function inGit(analysis: Analysis, args: readonly string[], how: Invocation): void {
  const at = firstOperandAt(args, GIT_VALUED)
  for (let index = 0; index < at; index++) {
    const value =
      args[index] === '-c' ? args[index + 1] : args[index]!.startsWith('--config-env=') ? 'alias.' : undefined
    if (value !== undefined) gitSetting(analysis, value, how)
    if (args[index]!.startsWith('--exec-path=')) analysis.opaque('environment', 'git')
  }
  const command = args[at]
  const rest = args.slice(at + 1)
  if (command !== undefined && !isKnown(command)) analysis.opaque('options', 'git')
  if (command === 'config') {
    const operands = rest.filter((arg) => !arg.startsWith('-') && arg !== 'set')
    if (operands.length >= 2) gitSetting(analysis, `${operands[0]}=${operands.slice(1).join(' ')}`, how)
  }
  if (command === 'submodule' && rest[0] === 'foreach') {
    const words = rest.slice(1).filter((arg) => arg !== '--recursive' && arg !== '--quiet')
    runText(analysis, words.join(' '), 'git', inside(how, 'git'))
  }
  if (command === 'bisect' && rest[0] === 'run') analysis.runProgram(rest.slice(1), inside(how, 'git'))
  if (
    command === 'rebase' ||
    command === 'filter-branch' ||
    command === 'difftool' ||
    command === 'mergetool'
  ) {
    const { values } = readOptions(rest, [
      'x',
      '--exec',
      '--tree-filter',
      '--index-filter',
      '--msg-filter',
      '--env-filter',
      '--commit-filter',
      '--parent-filter',
      '--extcmd',
      'onto',
      's',
      'X',
    ])
    for (const [name, value] of values)
      if (name === '-x' || /^--(?:exec|extcmd|.*-filter)$/.test(name))
        runText(analysis, value, 'git', inside(how, 'git'))
  }
  if (
    rest.some((arg) => /^--(?:upload-pack|receive-pack)|^ext::/.test(arg)) ||
    (command === 'clone' && rest.some((arg) => /^-u$/.test(arg)))
  )
    analysis.opaque('one_liner', 'git')
}

function gitSetting(analysis: Analysis, setting: string, how: Invocation): void {
  const equals = setting.indexOf('=')
  const name = equals === -1 ? setting : setting.slice(0, equals)
  const value = equals === -1 ? '' : setting.slice(equals + 1)
  if (!isKnown(name)) {
    analysis.opaque('environment', 'git')
    return
  }
  if (!GIT_PROGRAMS.test(name) || HARMLESS_SETTING.test(`${name}=${value}`)) return
  if (/^alias\./i.test(name)) {
    if (value.startsWith('!')) runText(analysis, value.slice(1), 'git', inside(how, 'git'))
    else if (isKnown(value))
      analysis.runProgram(
        ['git', ...value.split(/\s+/).filter((word) => word !== '')],
        inside(how, 'git alias'),
      )
    else unknownCode(analysis, value, 'git')
    return
  }
  analysis.opaque('environment', 'git')
}
