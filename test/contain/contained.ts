import { bubblewrapProvider } from '../../src/flow/contain/sandbox/choose-provider.ts'
import { BubblewrapProvider } from '../../src/flow/contain/sandbox/bubblewrap/bubblewrap.ts'
import { closeInheritedDescriptors } from '../../src/flow/contain/sandbox/bubblewrap/descriptors.ts'
import type { SandboxSpec } from '../../src/flow/contain/sandbox/provider.ts'

// A program of its own, so that a test can run it as another user, kill it, or start it with descriptors that leak.
// argv: `{data, prove?, leak?, spec}` as JSON. Prints `{"pid"}` when the command runs, then the report or the error.
const { data, prove, leak, spec } = JSON.parse(process.argv[2]!) as {
  data: string
  prove?: boolean
  leak?: boolean
  spec: Partial<SandboxSpec> & Pick<SandboxSpec, 'command' | 'workspace'>
}
const tell = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)
if (leak !== true) closeInheritedDescriptors()
try {
  const provider =
    prove === true
      ? bubblewrapProvider({ data })
      : new BubblewrapProvider({ data, probe: () => Promise.reject(new Error('nothing is demanded')) })
  const sandbox = await provider.launch({
    agent: 'escapist',
    env: {},
    network: 'none',
    quotas: {},
    require: [],
    profile: 'agent',
    stdio: 'pipe',
    ...spec,
  })
  sandbox.stdin?.end()
  const output: string[] = []
  for (const stream of [sandbox.stdout, sandbox.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => output.push(text))
  tell({ pid: sandbox.pid })
  const report = await sandbox.exited
  tell({ report, output: output.join('') })
} catch (error) {
  const { code, message } = error as Error & { code?: string }
  tell({ error: code ?? 'none', message })
}
