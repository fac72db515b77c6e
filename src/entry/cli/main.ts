import { Command, CommanderError } from 'commander'
import { explainFailure } from './failure.ts'
import { VERSION } from './version.ts'

/** In the order of the help. A command is loaded when it is called, all of them when help is wanted. */
const COMMANDS: readonly {
  readonly names: readonly string[]
  readonly load: () => Promise<(program: Command) => void>
}[] = [
  { names: ['init'], load: async () => (await import('./init.ts')).addInit },
  { names: ['up'], load: async () => (await import('./up.ts')).addUp },
  { names: ['demo'], load: async () => (await import('./demo.ts')).addDemo },
  { names: ['propose'], load: async () => (await import('./propose.ts')).addPropose },
  { names: ['actions'], load: async () => (await import('./actions.ts')).addActions },
  { names: ['approvals'], load: async () => (await import('./approvals.ts')).addApprovals },
  { names: ['alarms'], load: async () => (await import('./alarms.ts')).addAlarms },
  { names: ['quality'], load: async () => (await import('./quality.ts')).addQuality },
  { names: ['agents'], load: async () => (await import('./agents.ts')).addAgents },
  { names: ['keys'], load: async () => (await import('./keys.ts')).addKeys },
  { names: ['login', 'logins'], load: async () => (await import('./people.ts')).addPeople },
  { names: ['policy'], load: async () => (await import('./policy.ts')).addPolicy },
  { names: ['prompts'], load: async () => (await import('./prompts.ts')).addPrompts },
  { names: ['replay'], load: async () => (await import('./replay.ts')).addReplay },
  { names: ['sessions', 'stats'], load: async () => (await import('./sessions.ts')).addSessions },
  { names: ['ledger'], load: async () => (await import('./ledger.ts')).addLedger },
  { names: ['witness'], load: async () => (await import('./witness.ts')).addWitness },
  { names: ['run'], load: async () => (await import('./run.ts')).addRun },
  { names: ['doctor'], load: async () => (await import('./doctor.ts')).addDoctor },
  { names: ['mcp'], load: async () => (await import('./mcp.ts')).addMcp },
  { names: ['check'], load: async () => (await import('./check.ts')).addCheck },
  { names: ['hook'], load: async () => (await import('./hook.ts')).addHook },
]

/** Runs one command line (`process.argv`) and answers its exit code: 0 fine, 1 denied, findings or a failed verification, 2 usage or configuration. */
export async function main(argv: readonly string[]): Promise<number> {
  // A reader that has seen enough, such as `head`, closes the pipe: that is no fault.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0)
    throw error
  })

  const program = new Command('belay')
    .description('The production harness for autonomous AI agents.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(--help shows the usage)')
  const called = COMMANDS.filter(({ names }) => names.includes(argv[2] ?? ''))
  const adders = await Promise.all((called.length === 0 ? COMMANDS : called).map(({ load }) => load()))
  for (const add of adders) add(program)

  try {
    await program.parseAsync([...argv])
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    return explainFailure(error)
  }
}
