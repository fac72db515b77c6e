import type { Call } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { deepNodesIn, type Effects } from '../../effects/effects.ts'
import type { Operation } from '../../effects/operation.ts'
import type { Place } from '../../effects/bindings.ts'
import type { Rule } from '../rule.ts'
import { asksConsent, isAfterConsent } from './consent.ts'
import { inventoryOf } from './inventory/inventory.ts'
import { propertyOf } from '../../effects/chain.ts'

const MARKETING =
  /newsletter|promo|campaign|marketing|(?:^|[^a-z])offers?|blast|broadcast|win-?back|upsell|drip|announcement/i

export const MARKETING_WITHOUT_CONSENT: Rule = {
  info: {
    id: 'compliance/marketing-without-consent',
    title: 'Advertising to people who have not agreed to it',
    cwe: null,
    tags: ['GDPR Art. 6(1)(a)', 'GDPR Art. 21(2)', 'ePrivacy Art. 13', 'CCPA §1798.120', 'SOC 2 P3.2'],
    severity: 'warning',
    help: 'Take only those who agreed, and have not taken it back (where: { marketingOptIn: true, unsubscribedAt: null }); new addresses confirm first (double opt-in).',
  },
  *find(effects) {
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test) continue
      for (const place of places) {
        if (place.node.kind !== 'call') continue
        const call = place as Place<Call>
        if (subscribes(call, effects) || sendsToMany(call, effects))
          yield {
            module: within.module,
            span: place.node,
            message: 'Advertising goes to people of whom nobody has asked whether they agreed.',
          }
      }
    }
  },
}

/** `addListMember(…, { status: 'subscribed' })` on no test of a choice. */
function subscribes({ node, within, around }: Place<Call>, effects: Effects): boolean {
  const { text } = effects.origins.of(node.callee, within)
  if (!/^@mailchimp\/mailchimp_marketing\b.*\.(?:addListMember|setListMember|batchListMembers)$/.test(text))
    return false
  const status = propertyOf(node.args.at(-1), 'status')
  if (status?.kind !== 'literal' || status.value !== 'subscribed') return false
  return !isAfterConsent(node, around, within, effects)
}

function sendsToMany(place: Place<Call>, effects: Effects): boolean {
  const { node, within, around } = place
  const operation = effects.operationAt(node, within)
  if (operation?.kind !== 'mail' || !isMarketing(node, within)) return false
  const reads = recipients(within, effects)
  if (reads.length === 0) return false
  if (reads.some((each) => choosesConsenting(each, effects))) return false
  return !isTested(around, within, effects)
}

function isTested(around: Place<Call>['around'], within: FunctionInfo, effects: Effects): boolean {
  for (const each of around)
    if ((each.kind === 'if' || each.kind === 'conditional') && asksConsent(each.test, within, effects))
      return true
  return false
}

function isMarketing(call: Call, within: FunctionInfo): boolean {
  for (let at: FunctionInfo | null = within; at !== null; at = at.parent)
    if (MARKETING.test(at.name)) return true
  const file = within.module.path.split('/').at(-1) ?? ''
  if (MARKETING.test(file)) return true
  for (const node of deepNodesIn(...call.args))
    if (node.kind === 'object') {
      const subject = propertyOf(node, 'subject')
      if (subject?.kind === 'literal' && typeof subject.value === 'string' && MARKETING.test(subject.value))
        return true
    }
  return false
}

/** Reads of many people in the function, or in those that it is written in. */
function recipients(within: FunctionInfo, effects: Effects): Operation[] {
  const inventory = inventoryOf(effects)
  const found: Operation[] = []
  for (let at: FunctionInfo | null = within; at !== null && at.form !== 'module'; at = at.parent)
    for (const each of effects.operations(at))
      if (
        each.kind === 'database' &&
        each.access === 'read' &&
        each.many &&
        inventory.of(each)?.personal === true
      )
        found.push(each)
  return found
}

function choosesConsenting(operation: Operation, effects: Effects): boolean {
  const entity = inventoryOf(effects).of(operation)
  if (entity !== null && /subscri|newsletter|optin|waitlist/i.test(entity.name)) {
    // A list of its own: whoever is on it has asked for it.
    return true
  }
  if (operation.sql !== null)
    return /consent|opt_?in|subscri|newsletter|marketing|confirmed/i.test(operation.sql)
  const links = operation.chain.links.filter((each) => each.call !== null)
  return links.some(
    (each) => each.call?.args.some((one) => asksConsent(one, operation.place.within, effects)) === true,
  )
}
