import { type Entity, plain } from './inventory/entity.ts'

const TRAIL =
  /(?:attempt|view|visit|log|history|event|activity|session|click|search|access|request|hit|impression|position|track|login|signin|trace|ping)$/
const KEPT_BY_LAW = /audit|ledger|invoice|payment|order|booking|transaction|consent/

/** Whether a model is a trail of what people do: named so, with a time, and with what tells who or where. */
export function isTrail(entity: Entity): boolean {
  const names = [...entity.keys]
  if (!names.some((each) => TRAIL.test(each)) || names.some((each) => KEPT_BY_LAW.test(each))) return false
  const fields = [...entity.fields.values()]
  const timed = fields.some((each) => /(?:at|date|time|timestamp|on|when)$/.test(plain(each.name)))
  const expiring = fields.some((each) => /^(?:expires?|expiresat|expiry|validuntil)$/.test(plain(each.name)))
  return (
    timed &&
    !expiring &&
    fields.some(
      (each) => each.category !== null && each.category !== 'user agent' && each.category !== 'name',
    )
  )
}
