import { attempt, call, log } from './harnessed.ts'

// An agent that fills a lead database with everything it finds on a site. It passes on what the site says about
// consent, and does not know what that means.
const people = process.env['PEOPLE_URL'] ?? ''

interface Profile {
  readonly id: string
  readonly headline: string
  readonly email: string
  readonly about: string
  readonly consent: { readonly given: boolean; readonly purpose?: string; readonly retention_days?: number }
}

const read = await call('GET', `${people}/profiles`)
for (const profile of read.body as Profile[]) {
  const made = await attempt(
    'lead-enricher',
    {
      action: 'leads.store',
      input: {
        profile_id: profile.id,
        headline: profile.headline,
        email: profile.email,
        about: profile.about,
        consent: profile.consent.given,
        purpose: profile.consent.purpose ?? '',
        retention_days: profile.consent.retention_days ?? 0,
      },
      reason: 'found on the site',
    },
    async (input) => {
      const stored = await call('POST', `${people}/leads`, input)
      return { ok: stored.status === 201, result: stored.body }
    },
  )
  log({ id: made.id, decision: made.decision, state: made.state, reasons: made.reasons, profile: profile.id })
}
