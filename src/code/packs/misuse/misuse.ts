import type { Pack } from '../../pack.ts'
import { packOf } from '../rule.ts'
import { CORS_ANY_ORIGIN } from './cors-any-origin.ts'
import { FAST_PASSWORD_HASH } from './fast-password-hash.ts'
import { HARD_CODED_SECRET } from './hard-coded-secret.ts'
import { INCOMPLETE_ESCAPING } from './incomplete-escaping.ts'
import { INSECURE_COOKIE } from './insecure-cookie.ts'
import { MISSING_AUTHORISATION } from './missing-authorisation.ts'
import { MISSING_CSRF_PROTECTION } from './missing-csrf-protection.ts'
import { MISSING_OWNER_CHECK } from './missing-owner-check.ts'
import { SESSION_NOT_RENEWED } from './session-not-renewed.ts'
import { SHORT_KEY } from './short-key.ts'
import { STATIC_IV } from './static-iv.ts'
import { TEMPLATE_ESCAPING_OFF } from './template-escaping-off.ts'
import { TIMING_UNSAFE_COMPARISON } from './timing-unsafe-comparison.ts'
import { TLS_NOT_VERIFIED } from './tls-not-verified.ts'
import { TOKEN_ANY_ALGORITHM } from './token-any-algorithm.ts'
import { TOKEN_NEVER_EXPIRES } from './token-never-expires.ts'
import { TOKEN_NOT_VERIFIED } from './token-not-verified.ts'
import { UNRESTRICTED_UPLOAD } from './unrestricted-upload.ts'
import { WEAK_CIPHER } from './weak-cipher.ts'
import { WEAK_HASH } from './weak-hash.ts'
import { WEAK_RANDOM } from './weak-random.ts'

/** Security that is there and does not hold, or that is missing where its siblings have it. */
export const MISUSE: Pack = packOf('misuse', [
  WEAK_HASH,
  FAST_PASSWORD_HASH,
  WEAK_CIPHER,
  STATIC_IV,
  SHORT_KEY,
  TLS_NOT_VERIFIED,
  WEAK_RANDOM,
  TIMING_UNSAFE_COMPARISON,
  TOKEN_NOT_VERIFIED,
  TOKEN_ANY_ALGORITHM,
  TOKEN_NEVER_EXPIRES,
  INSECURE_COOKIE,
  CORS_ANY_ORIGIN,
  MISSING_CSRF_PROTECTION,
  MISSING_AUTHORISATION,
  MISSING_OWNER_CHECK,
  HARD_CODED_SECRET,
  UNRESTRICTED_UPLOAD,
  TEMPLATE_ESCAPING_OFF,
  SESSION_NOT_RENEWED,
  INCOMPLETE_ESCAPING,
])
