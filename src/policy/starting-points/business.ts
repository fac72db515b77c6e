import type { StartingPoint } from './starting-point.ts'

const BANNED = '[guaranteed returns, risk free, legal advice, medical advice]'

/** What agents do in a company's name: mail, posts, money, customer records. */
export const business: StartingPoint = {
  name: 'business',
  summary: 'mail, posts, payments and customer records: checked, limited, approved by amount',
  includes: [],
  limits: { usdPerDay: 10, usdPerAction: 1, actionsPerHour: 200, errorRate: 0.2 },
  parts: [
    {
      name: 'mail',
      actions:
        () => `  # Mail cannot be taken back. A person sees it first when the agent is not sure or it goes to many; keys, card and
  # account numbers never go out, nor do more than 100 mails an hour.
  mail.send:
    effect: irreversible
    input:
      type: object
      required: [to, subject, text]
      properties:
        to: { type: array, items: { type: string, format: email }, minItems: 1, maxItems: 200 }
        subject: { type: string, minLength: 1, maxLength: 200 }
        text: { type: string, minLength: 1, maxLength: 50000 }
    verify:                            # docs/checks has them all
      - secrets:        {}
      - pii:            { field: [subject, text], kinds: [card, iban, ssn, passport] }
      - banned_phrases: { field: [subject, text], phrases: ${BANNED}, then: require_approval }
      - profanity:      { field: [subject, text] }
      - rule: { when: 'history.count("mail.send", "1h") >= 100', then: deny, code: 'rule:burst', message: More than 100 mails in an hour. }
    approve:
      - { when: 'action.confidence < 0.8 || size(input.to) > 10', by: [default], expires: 24h, message: The agent is not sure of this mail or it goes to more than ten people. }
    # subject: input.to                # whose data it holds, so that it can be erased`,
    },
    {
      name: 'social',
      lists: () => [
        '  # Names that a post may only mention after a person has seen it.',
        '  competitors: [Example Corp]',
      ],
      actions:
        () => `  # A post speaks for the company. It can be taken down within a day, and a person sees it first when the agent is not
  # sure, or it names a competitor or links elsewhere.
  social.post:
    effect: write                      # read | write | irreversible
    input:
      type: object
      required: [text]
      properties: { text: { type: string, minLength: 1, maxLength: 10000 } }
    verify:
      - max_length:     { field: text, platform: x }
      - banned_phrases: { field: text, phrases: ${BANNED} }
      - sentiment:      { field: text, min: -0.5 }
      - profanity:      { field: text }
      - pii:            { field: text, then: redact }
      - secrets:        {}
      - links:          { field: text, allow: [example.com], then: require_approval }
      - rule: { when: 'history.count("social.post", "1h") >= 10', then: deny, code: 'rule:burst', message: More than ten posts in an hour. }
    approve:
      - { when: 'action.confidence < 0.9 || mentions(input.text, lists.competitors)', by: [default], expires: 24h, message: The agent is not sure of this post or it names a competitor. }
    undo: { within: 24h }              # when: 'result.complaints > 3' takes it down by itself`,
    },
    {
      name: 'payments',
      approvers: ['  finance: { members: [finance@example.com], quorum: 1 }'],
      actions:
        () => `  # Money out. amount is in whole units of the currency (12.50, not 1250). The sum of a day counts, so that many small
  # refunds are one large one: up to 100 pass, above that a person says yes, above 1000 finance as well.
  payments.refund:
    effect: irreversible
    input:
      type: object
      required: [amount]
      properties: { amount: { type: number, exclusiveMinimum: 0, maximum: 10000 } }
    verify:
      - secrets: {}
      - rule: { when: 'history.count("payments.refund", "1h") >= 30', then: deny, code: 'rule:burst', message: More than 30 refunds in an hour. }
    approve:
      - { when: 'input.amount + history.sum("payments.refund", "input.amount", "24h") > 100', by: [default], expires: 24h, message: Refunds of more than 100 in a day need a person. }
      - { when: 'input.amount + history.sum("payments.refund", "input.amount", "24h") > 1000', by: [finance], expires: 24h, message: Refunds of more than 1000 in a day need finance. }
  # Money in, from a customer's account: whoever is charged by mistake complains, so each charge above 50 is asked for.
  # The agent takes one back (a refund) within a day on belay actions undo.
  payments.charge:
    effect: write
    input:
      type: object
      required: [amount]
      properties: { amount: { type: number, exclusiveMinimum: 0, maximum: 10000 } }
    verify:
      - secrets: {}
      - rule: { when: 'history_all.count("payments.charge", "1h") >= 60', then: deny, code: 'rule:burst', message: More than 60 charges in an hour by all agents together. }
    approve:
      - { when: 'input.amount > 50', by: [default], expires: 24h, message: Charges of more than 50 need a person. }
      - { when: 'input.amount > 1000', by: [finance], expires: 24h, message: Charges of more than 1000 need finance. }
    undo: { within: 24h }`,
    },
    {
      name: 'crm',
      actions:
        () => `  # Records of customers. One change after the other passes and can be undone for a week; a bulk change is asked for,
  # and deleting always is.
  crm.update:
    effect: write
    verify:
      - secrets: {}
      - rule: { when: 'history.count("crm.update", "10m") >= 50', then: require_approval, code: 'rule:bulk', message: More than 50 records changed in ten minutes. }
    undo: { within: 7d }
  crm.delete:
    effect: irreversible
    verify:
      - rule: { when: 'history.count("crm.delete", "1h") >= 20', then: deny, code: 'rule:burst', message: More than 20 records deleted in an hour. }
    approve: [{ by: [default], expires: 24h }]`,
    },
  ],
}
