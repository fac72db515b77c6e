import { Agent, request } from 'undici'
import { MODEL, PRICE, requestBody, USAGE } from './calls.ts'
import { belay, type Contender } from './contenders.ts'
import { canPin, memoryOf, type Core } from './processes.ts'
import { callSlice } from './slices.ts'

interface Provider {
  readonly port: number
  readonly pid: number
}

const UNDER_TEST: Core = canPin ? 0 : null
const LOAD: Core = canPin ? 1 : null

/** Memory over many calls: it must not grow. */
export async function memoryRun(folder: string, provider: Provider, calls: number): Promise<string> {
  const gateway = await belay(folder, UNDER_TEST, provider.port)
  try {
    const idle = memoryOf(gateway.pid ?? 0)
    const marks: string[] = []
    const before = await answered(provider)
    for (let done = 0, next = calls / 10; done < calls;) {
      await callSlice(folder, gateway, provider.pid, { bytes: 1_000, clients: 256, seconds: 5, core: LOAD })
      done = (await answered(provider)) - before
      if (done < next) continue
      marks.push(`| ${done} | ${memoryOf(gateway.pid ?? 0).toFixed(0)} |`)
      next = done + calls / 10
    }
    return `Memory, 1 KB each way, c = 256\n\n| calls | RSS MB |\n| ---: | ---: |\n| 0 | ${idle.toFixed(0)} |\n${marks.join('\n')}\n`
  } finally {
    await gateway.close()
  }
}

/** 256 callers against a budget for about 400 calls: what the provider billed must fit into it. */
export async function moneyRun(folder: string, provider: Provider): Promise<string> {
  const each = (USAGE.prompt * PRICE.input + USAGE.completion * PRICE.output) / 1e6
  const budgetUsd = Math.round(each * 400 * 1e6) / 1e6
  const gateway = await belay(folder, UNDER_TEST, provider.port, { budgetUsd })
  try {
    const before = await answered(provider)
    const statuses = await storm(gateway, 256, 8)
    const billed = ((await answered(provider)) - before) * each
    const left = budgetUsd - billed
    if (left < 0) throw new Error(`overspent: ${billed} USD of ${budgetUsd} USD`)
    return (
      `Money, c = 256, ${MODEL}: budget ${budgetUsd.toFixed(6)} USD; the provider billed ${billed.toFixed(6)} USD ` +
      `(${((billed / budgetUsd) * 100).toFixed(1)}%), overspent 0. Answers: ` +
      `${[...statuses].map(([status, count]) => `${count} × ${status}`).join(', ')}.\n`
    )
  } finally {
    await gateway.close()
  }
}

async function storm(gateway: Contender, clients: number, calls: number): Promise<Map<number, number>> {
  const statuses = new Map<number, number>()
  const dispatcher = new Agent({ connections: clients })
  const body = requestBody(1_000)
  const run = async (): Promise<void> => {
    for (let call = 0; call < calls; call++) {
      const response = await request(`http://127.0.0.1:${gateway.port}${gateway.path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...gateway.headers },
        body,
        dispatcher,
      })
      await response.body.dump()
      statuses.set(response.statusCode, (statuses.get(response.statusCode) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: clients }, run))
  await dispatcher.close()
  return statuses
}

async function answered({ port }: Provider): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/calls`)
  return Number(await response.text())
}
