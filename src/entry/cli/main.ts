import { Command, CommanderError } from 'commander'
import { addActions } from './actions.ts'
import { addAgents } from './agents.ts'
import { addApprovals } from './approvals.ts'
import { demoCommand } from './demo.ts'
import { explainFailure } from './failure.ts'
import { addHook } from './hook.ts'
import { addInit } from './init.ts'
import { addKeys } from './keys.ts'
import { addPeople } from './people.ts'
import { addLedger } from './ledger.ts'
import { addMcp } from './mcp.ts'
import { addPolicy } from './policy.ts'
import { addPropose } from './propose.ts'
import { addUp } from './up.ts'
import { VERSION } from './version.ts'

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
  addInit(program)
  addUp(program)
  program.addCommand(demoCommand.copyInheritedSettings(program))
  addPropose(program)
  addActions(program)
  addApprovals(program)
  addAgents(program)
  addKeys(program)
  addPeople(program)
  addPolicy(program)
  addLedger(program)
  addMcp(program)
  addHook(program)

  try {
    await program.parseAsync([...argv])
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    return explainFailure(error)
  }
}
