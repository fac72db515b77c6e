import { secretsIn } from '../../secrets/find.ts'
import type { ScriptHit } from './scripts.ts'

/** Texts longer than this are data rather than code. */
const LONGEST = 1_000_000
const NOT_PRODUCT = /(?:^|\/)(?:examples?|samples?|demos?|docs?|seeds?|playground)\//i
const LOCAL = /@(?:localhost|127\.0\.0\.1|0\.0\.0\.0|db|postgres|mysql|mongo|redis|host|example)\b/i

/** Tokens by their format, private keys, passwords in addresses, and quoted values beside a name that says secret. */
export function checkSecrets(path: string, text: string): readonly ScriptHit[] {
  if (text.length > LONGEST || NOT_PRODUCT.test(path)) return []
  const hits: ScriptHit[] = []
  let last = -1
  for (const { kind, start, end } of secretsIn(text).toSorted((a, b) => a.start - b.start)) {
    if (start < last) continue
    const named = kind === 'password' || kind === 'named_secret'
    // Without quotes it is an expression that fetches the value.
    if (named && !/["'`]/.test(text[start - 1] ?? '')) continue
    if (/database_url|url_password/.test(kind) && LOCAL.test(text.slice(end, end + 40))) continue
    if (kind === 'private_key' && end - start < 120) continue
    if (kind === 'jwt') continue
    last = end
    hits.push({
      at: start,
      end,
      rule: 'hard-coded-secret',
      message: 'Whoever can read the repository has the secret, and its history keeps it.',
    })
  }
  return hits
}
