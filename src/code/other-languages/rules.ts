import type { RuleInfo } from '../pack.ts'
import type { Harm } from './language.ts'

/** In words for messages: what the value becomes part of, the weakness, and what to do. */
export const HARMS: Readonly<
  Record<Harm, { readonly cwe: string; readonly becomes: string; readonly help: string }>
> = {
  'sql-injection': {
    cwe: 'CWE-89',
    becomes: 'part of an SQL statement',
    help: 'Pass it as a parameter of the statement, not as a part of its text.',
  },
  'command-injection': {
    cwe: 'CWE-78',
    becomes: 'part of a command',
    help: 'Start a fixed program without a shell, and pass the value as one argument of it.',
  },
  'code-injection': {
    cwe: 'CWE-94',
    becomes: 'code that runs',
    help: 'Choose among fixed values; run no text from outside.',
  },
  'path-traversal': {
    cwe: 'CWE-22',
    becomes: 'part of a path',
    help: 'Take its base name, join it to a fixed folder, and check that the result lies in there.',
  },
  'cross-site-scripting': {
    cwe: 'CWE-79',
    becomes: 'part of a page',
    help: 'Escape it where it is put into the page, or let the template engine do so.',
  },
  'open-redirect': {
    cwe: 'CWE-601',
    becomes: 'the place that the browser is sent to',
    help: 'Choose among fixed addresses, or allow paths of this site alone.',
  },
  'request-forgery': {
    cwe: 'CWE-918',
    becomes: 'the address of a request that the server makes',
    help: 'Compare its host with a list of those that may be asked.',
  },
  'unsafe-deserialisation': {
    cwe: 'CWE-502',
    becomes: 'objects of any class',
    help: 'Read a format that only has data, such as JSON.',
  },
  'ldap-injection': { cwe: 'CWE-90', becomes: 'part of an LDAP filter', help: 'Escape it for filters.' },
  'xpath-injection': {
    cwe: 'CWE-643',
    becomes: 'part of an XPath expression',
    help: 'Bind it as a variable of the expression.',
  },
}

const rule = (
  id: string,
  title: string,
  cwe: string,
  severity: RuleInfo['severity'],
  help: string,
): RuleInfo => ({
  id: `patterns/${id}`,
  title,
  cwe,
  tags: [],
  severity,
  help,
})

/** Constructs that are wrong wherever they stand. */
export const PATTERN_RULES: readonly RuleInfo[] = [
  rule(
    'weak-hash',
    'A broken hash function',
    'CWE-328',
    'warning',
    'Use SHA-256; for passwords bcrypt, scrypt or Argon2.',
  ),
  rule('weak-cipher', 'A broken cipher or mode', 'CWE-327', 'warning', 'Use AES-GCM or ChaCha20-Poly1305.'),
  rule(
    'tls-not-verified',
    'Certificates are not verified',
    'CWE-295',
    'error',
    'Verify certificates; trust an own authority by name where there is one.',
  ),
  rule(
    'csrf-off',
    'Protection against forged requests is off',
    'CWE-352',
    'warning',
    'Leave it on; let clients without cookies authenticate by a header.',
  ),
  rule(
    'unsafe-deserialisation',
    'A format whose objects run code',
    'CWE-502',
    'error',
    'Read a format that only has data, such as JSON.',
  ),
  rule(
    'piped-to-shell',
    'What was downloaded is run at once',
    'CWE-494',
    'warning',
    'Download a fixed version, compare its digest, then run it.',
  ),
  rule(
    'shell-eval',
    'Text from outside is run by the shell',
    'CWE-78',
    'error',
    'Pass values as arguments; use arrays for commands that are put together.',
  ),
  rule(
    'world-writable',
    'Everybody may write there',
    'CWE-732',
    'warning',
    'Give the one user or group that needs it the right.',
  ),
  rule(
    'unverified-download',
    'A download whose origin is not verified',
    'CWE-295',
    'warning',
    'Leave certificate checks on.',
  ),
  rule(
    'image-secret',
    'A secret stays in the image',
    'CWE-798',
    'error',
    'Mount it while building (RUN --mount=type=secret), or give it when the container starts.',
  ),
  rule(
    'image-root',
    'The container runs as root',
    'CWE-250',
    'note',
    'Name another USER before the last CMD or ENTRYPOINT.',
  ),
  rule(
    'hard-coded-secret',
    'A secret in the code',
    'CWE-798',
    'error',
    'Take it out, put it where secrets are kept, and change it: it is in the history.',
  ),
]

export const PATTERN_RULE_OF: ReadonlyMap<string, RuleInfo> = new Map(
  PATTERN_RULES.map((each) => [each.id, each]),
)
