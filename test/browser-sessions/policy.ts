export const LEAD = 'lead@example.com'

/** A policy with two accounts; clicks on what removes wait for a person. */
export const policyFor = (host: string): string => `
version: 1
mode: enforce
agents: { buyer: {}, other: {}, reader: {} }
approvers: { leads: { members: [${LEAD}], quorum: 1 } }
browsers:
  shop:
    agents: [buyer, other]
    allow: ['${host}']
    secrets: { SHOP_PASSWORD: $BELAY_TEST_SHOP_PASSWORD }
  second: { agents: [buyer], allow: ['${host}'] }
actions:
  browser.goto: { effect: read, timeout: 30s }
  browser.text:
    effect: read
    result: { verify: [{ banned_phrases: { phrases: [All is gone] } }] }
  browser.screenshot: { effect: read }
  browser.fill: { effect: write }
  browser.select: { effect: write }
  browser.upload: { effect: write }
  browser.download: { effect: read }
  browser.click:
    effect: write
    verify:
      - rule: { when: 'input.element.name.contains("Shifty")', then: deny, code: 'shop:shifty' }
    approve:
      - { when: 'input.element.name.contains("Remove")', by: [leads], expires: 1h }
`
