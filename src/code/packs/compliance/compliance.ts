import { packOf } from '../rule.ts'
import { ERASURE_MISSES_TABLE } from './erasure-misses-table.ts'
import { MARKETING_WITHOUT_CONSENT } from './marketing-without-consent.ts'
import { NEVER_PURGED } from './never-purged.ts'
import { NO_RETENTION } from './no-retention.ts'
import { PERSONAL_DATA_IN_ANALYTICS } from './personal-data-in-analytics.ts'
import { PERSONAL_DATA_IN_LOG } from './personal-data-in-log.ts'
import { PERSONAL_DATA_IN_PROMPT } from './personal-data-in-prompt.ts'
import { PERSONAL_DATA_IN_URL } from './personal-data-in-url.ts'
import { PERSONAL_DATA_TO_THIRD_PARTY } from './personal-data-to-third-party.ts'
import { PLAIN_SENSITIVE_DATA } from './plain-sensitive-data.ts'
import { SECRET_FIELDS_IN_RESPONSE } from './secret-fields-in-response.ts'
import { TRACKING_WITHOUT_CONSENT } from './tracking-without-consent.ts'

/** What is done with data about people. A rule supports a provision of a law; it is no legal advice. */
export const COMPLIANCE = packOf(
  'compliance',
  [
    PERSONAL_DATA_IN_LOG,
    PERSONAL_DATA_TO_THIRD_PARTY,
    PERSONAL_DATA_IN_PROMPT,
    PERSONAL_DATA_IN_URL,
    PERSONAL_DATA_IN_ANALYTICS,
    NEVER_PURGED,
    ERASURE_MISSES_TABLE,
    NO_RETENTION,
    TRACKING_WITHOUT_CONSENT,
    MARKETING_WITHOUT_CONSENT,
    PLAIN_SENSITIVE_DATA,
    SECRET_FIELDS_IN_RESPONSE,
  ],
  [PERSONAL_DATA_IN_LOG],
)
