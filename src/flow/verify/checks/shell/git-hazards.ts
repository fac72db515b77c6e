import type { HazardKind } from './facts.ts'
import { STAR } from './marks.ts'
import { firstOperandAt, GIT_VALUED, has, readOptions } from './options.ts'

/** What git would lose or rewrite; `options` where that hangs on an argument nobody knows. */
export function gitHazard(args: readonly string[]): HazardKind | 'options' | undefined {
  const at = firstOperandAt(args, GIT_VALUED)
  const command = args[at]
  const rest = args.slice(at + 1)
  const options = readOptions(rest, ['m', 'C', '--message', 'o', '--push-option', 'b', 'B', 's', '--source'])
  const first = options.operands[0]
  switch (command) {
    case 'push': {
      if (
        has(options, '-f', '--force', '--mirror', '--delete', '--prune', '-d') ||
        options.flags.has('--force-if-includes')
      )
        return 'force_push'
      if (options.flags.has('--force-with-lease')) return 'force_push'
      if (options.operands.slice(1).some((ref) => ref.startsWith('+') || ref.startsWith(':')))
        return 'force_push'
      return options.unsure ? 'options' : undefined
    }
    case 'reset':
      return has(options, '--hard', '--merge', '--keep')
        ? 'discards_work'
        : options.unsure
          ? 'options'
          : undefined
    case 'clean':
      return has(options, '-n', '--dry-run')
        ? undefined
        : has(options, '-f', '--force')
          ? 'discards_work'
          : options.unsure
            ? 'options'
            : undefined
    case 'checkout':
      if (has(options, '-f', '--force')) return 'discards_work'
      if (rest.includes('--') || rest.includes('.') || rest.some((arg) => arg.includes(STAR)))
        return 'discards_work'
      return undefined
    case 'switch':
      return has(options, '-f', '--force', '--discard-changes') ? 'discards_work' : undefined
    case 'restore':
      return has(options, '--staged', '-S') && !has(options, '--worktree', '-W') ? undefined : 'discards_work'
    case 'stash':
      return first === 'drop' || first === 'clear' ? 'discards_work' : undefined
    case 'branch':
      return options.flags.has('-D') || (has(options, '-f', '--force') && has(options, '-d', '--delete'))
        ? 'discards_work'
        : undefined
    case 'tag':
      return undefined
    case 'update-ref':
      return has(options, '-d') ? 'discards_work' : undefined
    case 'reflog':
      return first === 'expire' || first === 'delete' ? 'discards_work' : undefined
    case 'gc':
      return rest.some((arg) => /^--prune=(?:now|all)/.test(arg)) ? 'discards_work' : undefined
    case 'filter-branch':
    case 'filter-repo':
      return 'force_push'
    case 'worktree':
      return first === 'remove' && has(options, '-f', '--force') ? 'discards_work' : undefined
    case 'rm':
      return has(options, '-f', '--force') && !has(options, '--cached') && has(options, '-r')
        ? 'discards_work'
        : undefined
    case 'credential':
      return 'touches_keys'
    case undefined:
    default:
      return undefined
  }
}
