import { expect, test } from 'vitest'
import type { JsonObject } from '../../action/json.ts'
import { escapeHtml, reportPage } from './report-page.ts'

const HOSTILE = `"><script>alert(1)</script><img src=x onerror='alert(2)'></pre>\u202e`

/** Hostile wherever an agent, a model or a person can write. */
function told(): { action: JsonObject; explanation: JsonObject } {
  return {
    action: {
      id: 'act_1',
      agent: HOSTILE,
      action: HOSTILE,
      decision: 'deny',
      effective: 'deny',
      state: 'denied',
      cost_usd: 0.5,
      proposed_at: '2026-11-23T10:00:00.000Z',
      updated_at: '2026-11-23T10:00:01.000Z',
      result: { said: HOSTILE },
    },
    explanation: {
      summary: HOSTILE,
      factors: [
        {
          kind: HOSTILE,
          code: HOSTILE,
          message: HOSTILE,
          decides: true,
          where: HOSTILE,
          condition: HOSTILE,
          inputs: [{ path: HOSTILE, value: HOSTILE }],
          history: [{ asked: HOSTILE, was: 1 }],
          evidence: { [HOSTILE]: HOSTILE },
        },
      ],
      around: {
        session: HOSTILE,
        release: HOSTILE,
        prompt: { name: HOSTILE, version: 3 },
        model: { provider: HOSTILE, requested: HOSTILE, params: { [HOSTILE]: 1 } },
        people: [{ by: HOSTILE, what: HOSTILE, at: 0, reason: HOSTILE, for: HOSTILE }],
        cost: { usd: 0.5, reserved: [{ account: HOSTILE, unit: 'usd', amount: 1 }] },
        usage: { input_tokens: 3, output_tokens: 4 },
      },
      input: { [HOSTILE]: HOSTILE },
      enforced: { text: HOSTILE },
      policy: { version: HOSTILE },
      timeline: [{ at: 0, record: HOSTILE, hash: HOSTILE, what: HOSTILE, details: [HOSTILE] }],
    },
  }
}

const page = (): string =>
  reportPage({
    session: HOSTILE,
    agents: [HOSTILE],
    actions: [told()],
    cut: false,
    checkpoint: HOSTILE,
    madeAt: Date.UTC(2026, 10, 23),
    version: '1.0.0',
  })

test('what others wrote is text', () => {
  const html = page()
  expect(html).not.toContain('<script')
  expect(html).not.toContain('<img')
  expect(html).not.toMatch(/["'\s]on\w+=(?!&)/)
  expect(html).not.toContain('\u202e')
  expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  expect(escapeHtml(HOSTILE)).toContain('\\u202e')
})

test('the page needs nothing but itself, and runs nothing', () => {
  const html = page()
  expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'`)
  expect(html).not.toMatch(/\b(?:src|href)=["'](?!#)/)
  expect(html).not.toMatch(/url\(|@import|<(?:link|iframe|object|form|script)\b/)
})

test('it tells the sums, the deciding reason and the hash of each record', () => {
  const html = page()
  expect(html).toContain('<dt>denied</dt><dd class="bad">1</dd>')
  expect(html).toContain('<dt>cost</dt><dd class="">$0.50</dd>')
  expect(html).toContain('<li class="decides">')
  expect(html).toContain('<dt>tokens out</dt><dd class="">4</dd>')
  expect(html.match(/class="hash"/g)?.length).toBe(1)
})
