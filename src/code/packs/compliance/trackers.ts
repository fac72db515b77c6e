import type { Call } from '../../flow-graph/expressions.ts'
import type { FunctionInfo } from '../../flow-graph/functions.ts'
import type { Effects } from '../../effects/effects.ts'

/** A call that tells a service of analytics or advertising something. */
export interface Tracking {
  readonly service: string
  /** Whether it runs in the visitor's browser. */
  readonly browser: boolean
}

const SERVICES: readonly [RegExp, RegExp, boolean][] = [
  [
    /^(?:@segment\/analytics-node|analytics-node|@rudderstack\/rudder-sdk-node)/,
    /^(?:track|identify|page|group|alias)$/,
    false,
  ],
  [/^mixpanel(?:\.|\(|$)/, /^(?:track|set|set_once|identify|import|alias)$/, false],
  [/^mixpanel-browser/, /^(?:init|track|identify|set|register)$/, true],
  [/^@amplitude\/analytics-node/, /^(?:track|identify|logEvent|setUserId)$/, false],
  [
    /^(?:@amplitude\/analytics-browser|amplitude-js|@amplitude\/unified)/,
    /^(?:init|track|identify|logEvent|initAll)$/,
    true,
  ],
  [/^posthog-node/, /^(?:capture|identify|alias|groupIdentify)$/, false],
  [/^posthog-js/, /^(?:init|capture|identify)$/, true],
  [/^(?:react-ga4|react-ga|ga-4-react|vue-gtag)/, /^(?:initialize|send|event|pageview|set)$/, true],
  [/^(?:universal-analytics)/, /^(?:pageview|event|send)$/, false],
  [/^(?:react-facebook-pixel|facebook-pixel)/, /^(?:init|track|trackCustom|pageView)$/, true],
  [/^(?:@hotjar\/browser|react-hotjar)/, /^(?:init|initialize|identify|event)$/, true],
  [
    /^(?:@segment\/analytics-next|@fullstory\/browser|logrocket|@microsoft\/clarity|react-gtm-module|@snowplow\/browser-tracker|@tiktok\/pixel)/,
    /^(?:init|load|initialize|track|identify|page|setup)$/,
    true,
  ],
  [/^global:(?:window\.)?(?:gtag|fbq|ttq|_paq|hj|clarity|twq|lintrk)(?:\.|$)/, /./, true],
]

export function trackingOf(call: Call, within: FunctionInfo, effects: Effects): Tracking | null {
  const { text } = effects.origins.of(call.callee, within)
  if (text === '') return null
  const name = text.split('.').at(-1) ?? ''
  const found = SERVICES.find(([service, method]) => service.test(text) && method.test(name))
  return found === undefined
    ? null
    : {
        service: /^(?:global:)?(?:window\.)?((?:@[\w-]+\/)?[\w-]+)/.exec(text)?.[1] ?? text,
        browser: found[2],
      }
}

/** Scripts of such services, by the address that they are loaded from. */
export const TRACKING_SCRIPT =
  /(?:googletagmanager\.com|google-analytics\.com|static\.hotjar\.com|connect\.facebook\.net|cdn\.segment\.com|clarity\.ms|snap\.licdn\.com|analytics\.tiktok\.com|static\.ads-twitter\.com|cdn\.mxpnl\.com|fullstory\.com\/s|doubleclick\.net|bat\.bing\.com|cdn\.amplitude\.com)/i
