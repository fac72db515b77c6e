import { attempt, call, log } from './harnessed.ts'

// An agent that has mails personalised, batch by batch, through a night. When an answer cannot be read it tries
// again at once, and again: the retry loop that nobody bounded. A refusal is to it one more failed attempt.
const writer = process.env['WRITER_URL'] ?? ''
const BATCHES = 20
const PRICE_USD = 4
/** Eight hours at 14.4 simulated seconds an attempt. */
const ATTEMPTS_IN_A_NIGHT = Number(process.env['NIGHT_ATTEMPTS'] ?? '2000')

let batch = 1
for (let tries = 0; tries < ATTEMPTS_IN_A_NIGHT && batch <= BATCHES; tries++) {
  const made = await attempt(
    'personaliser',
    {
      action: 'mail.personalise',
      input: { batch },
      reason: `batch ${batch} of ${BATCHES}`,
      costUsd: PRICE_USD,
    },
    async (input) => {
      const answer = await call('POST', `${writer}/personalise`, input)
      const { billed_usd: costUsd, mails } = answer.body as { billed_usd: number; mails: string }
      return { ok: answer.status === 200 && isJson(mails), result: { length: mails.length }, costUsd }
    },
  )
  log({ id: made.id, decision: made.decision, state: made.state, reasons: made.reasons, batch })
  if (made.effect?.ok === true) batch++
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
