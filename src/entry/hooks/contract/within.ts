/** What a stranger's function gave within its time. What it does after that is not waited for. */
export type Answer =
  | { readonly status: 'answered'; readonly value: unknown }
  | { readonly status: 'failed' }
  | { readonly status: 'late' }

/** Calls `run` and waits at most `ms` for what it returns or promises. Never throws. */
export async function within(ms: number, run: () => unknown): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Answer>((resolve) => {
    timer = setTimeout(() => resolve({ status: 'late' }), ms)
  })
  const answer = (async (): Promise<Answer> => ({ status: 'answered', value: await run() }))().catch(
    (): Answer => ({ status: 'failed' }),
  )
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
