import type { Check } from '../../../policy/check.ts'
import { bannedPhrases } from './banned-phrases.ts'
import { code } from './code.ts'
import { injection } from './injection.ts'
import { links } from './links.ts'
import { maxLength } from './max-length.ts'
import { mentions } from './mentions.ts'
import { pii } from './pii.ts'
import { profanity } from './profanity.ts'
import { secrets } from './secrets.ts'
import { sentiment } from './sentiment.ts'
import { shell } from './shell.ts'

/** The checks that come with Belay, by the names they have in `verify:`. `rule` is CEL and not among them. */
export const builtInChecks: readonly Check[] = [
  maxLength,
  bannedPhrases,
  sentiment,
  profanity,
  mentions,
  links,
  pii,
  secrets,
  injection,
  shell,
  code,
]
