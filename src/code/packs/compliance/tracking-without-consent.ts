import type { Call, Expression } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import { type Node, walkFunction } from '../../flow-graph/walk.ts'
import type { Effects } from '../../effects/effects.ts'
import type { Hit, Rule } from '../rule.ts'
import { isAfterConsent, startsQuiet } from './consent.ts'
import { TRACKING_SCRIPT, trackingOf } from './trackers.ts'

/** Banners that hold scripts back by themselves. */
const MANAGERS =
  /cookiebot|onetrust|usercentrics|cookieyes|klaro|cookieconsent|cookie-consent|react-cookie-consent|vanilla-cookieconsent|osano|iubenda|didomi|@c15t/i

export const TRACKING_WITHOUT_CONSENT: Rule = {
  info: {
    id: 'compliance/tracking-without-consent',
    title: 'Tracking that nobody has agreed to',
    cwe: 'CWE-359',
    tags: ['GDPR Art. 6(1)(a)', 'GDPR Art. 7', 'ePrivacy Art. 5(3)', 'CCPA §1798.120', 'SOC 2 P3.2'],
    severity: 'warning',
    help: 'Ask first: initialise and send only where the stored choice allows this purpose, and start opted out. A measurement without identifiers and storage needs no banner.',
  },
  *find(effects) {
    if (managed(effects)) return
    const asksSomewhere = knowsConsent(effects)
    const told = new Set<string>()
    const services = new Set<string>()
    for (const [within, places] of effects.bindings.calls) {
      if (within.module.test || told.has(within.module.path)) continue
      for (const { node, around } of places) {
        const tracking = node.kind === 'call' ? trackingOf(node, within, effects) : null
        if (tracking === null || node.kind !== 'call' || services.has(tracking.service)) continue
        // On a server there may be another ground for counting; where consent is asked for at all, it is the ground.
        if (!tracking.browser && !asksSomewhere) continue
        if (quiet(node, effects) || isAfterConsent(node, around, within, effects)) continue
        told.add(within.module.path)
        services.add(tracking.service)
        yield hit(within, node, tracking.service)
        break
      }
    }
    yield* scripts(effects, told)
  },
}

function hit(within: FunctionInfo, span: Expression, service: string): Hit {
  return {
    module: within.module,
    span,
    message: `${service} is told about visitors on a way on which no consent is asked for.`,
  }
}

function managed(effects: Effects): boolean {
  return (
    effects.program.packages.some((each) => [...each.dependencies].some((name) => MANAGERS.test(name))) ||
    effects.program.modules.some((each) => each.imports.some((one) => MANAGERS.test(one.source)))
  )
}

function knowsConsent(effects: Effects): boolean {
  return (
    [...effects.program.texts].some(
      ([path, text]) => /\.(?:prisma|sql)$/.test(path) && /consent|opt_?in|marketing/i.test(text),
    ) || effects.program.modules.some((each) => !each.test && /[cC]onsent|optIn/.test(each.text))
  )
}

/** Whether the service is set up, here or elsewhere, so that it waits for an agreement. */
function quiet(call: Call, effects: Effects): boolean {
  if (startsQuiet(call.args)) return true
  return effects.program.modules.some(
    (each) =>
      !each.test &&
      /opt_out_capturing_by_default|opt_out_tracking_by_default|opt_in_capturing|gtag\(\s*['"]consent['"]|setOptOut|optOut\(/.test(
        each.text,
      ),
  )
}

function* scripts(effects: Effects, told: Set<string>): Iterable<Hit> {
  for (const module of effects.program.modules) {
    if (module.test || told.has(module.path) || !TRACKING_SCRIPT.test(module.text)) continue
    for (const within of module.functions) {
      let found: { node: Expression; around: readonly Node[] } | null = null
      walkFunction(within, (node, around) => {
        if (found !== null || node.kind !== 'element' || !/^[sS]cript$/.test(node.name)) return
        const source = node.attributes.find((each) => each.key === 'src')?.value
        const type = node.attributes.find((each) => each.key === 'type')?.value
        if (type?.kind === 'literal' && type.value === 'text/plain') return
        if (source === undefined || !TRACKING_SCRIPT.test(module.text.slice(source.at, source.end))) return
        found = { node, around: [...around] }
      })
      if (found === null) continue
      const { node, around } = found as { node: Expression; around: readonly Node[] }
      if (isAfterConsent(node, around, within, effects)) continue
      yield hit(within, node, 'A tracking service')
      break
    }
  }
}
