import type { RuleInfo } from '../../pack.ts'

const rule = (
  id: string,
  title: string,
  cwe: string,
  severity: RuleInfo['severity'],
  help: string,
  tags: readonly string[] = [],
): RuleInfo => ({
  id: `python/${id}`,
  title,
  cwe,
  tags,
  severity,
  help,
})

export const WEAK_HASH = rule(
  'weak-hash',
  'A broken hash function',
  'CWE-328',
  'warning',
  'Use SHA-256; for passwords bcrypt, scrypt or Argon2. Where it is no matter of security, say `usedforsecurity=False`.',
)
export const WEAK_CIPHER = rule(
  'weak-cipher',
  'A broken cipher or mode',
  'CWE-327',
  'warning',
  'Use AES-GCM or ChaCha20-Poly1305.',
)
export const WEAK_RANDOM = rule(
  'weak-random',
  'A secret that can be guessed',
  'CWE-330',
  'warning',
  'Take it from `secrets`, or from `random.SystemRandom`.',
)
export const COOKIE = rule(
  'insecure-cookie',
  'A cookie that is sent without encryption',
  'CWE-614',
  'warning',
  'Set `secure=True`, and `httponly=True` where no script reads it.',
)
export const TLS = rule(
  'tls-not-verified',
  'Certificates are not verified',
  'CWE-295',
  'error',
  'Verify certificates; trust an own authority by name where there is one.',
)
export const DEBUG = rule(
  'debug-server',
  'A debugger that everybody can reach',
  'CWE-489',
  'warning',
  'Leave `debug` off; turn it on by the environment of your own machine.',
)
export const TEMPORARY = rule(
  'guessable-file',
  'A temporary file whose name can be taken',
  'CWE-377',
  'warning',
  'Use `tempfile.mkstemp` or `NamedTemporaryFile`.',
)
export const TOKEN = rule(
  'token-not-verified',
  'A token whose signature is not looked at',
  'CWE-347',
  'error',
  'Verify it, with the one algorithm that you sign with.',
)

export const SHORT_KEY = rule(
  'short-key',
  'A key that is too short to keep a secret',
  'CWE-326',
  'warning',
  'Take 2,048 bits or more for RSA and DSA, better 3,072.',
)
export const CLEAR_TEXT = rule(
  'clear-text-protocol',
  'Names and passwords go over the network as they are',
  'CWE-319',
  'warning',
  'Use SFTP, SSH or `ftplib.FTP_TLS`.',
)
export const ENTITIES = rule(
  'external-entities',
  'An XML parser that is told to resolve external entities',
  'CWE-611',
  'warning',
  'Leave `resolve_entities` off, or use `defusedxml`.',
)
export const STATIC_IV = rule(
  'static-iv',
  'An initialisation vector that is always the same',
  'CWE-329',
  'warning',
  'Take a fresh one for each message from `os.urandom` or `secrets.token_bytes`, and send it along.',
)
export const PASSWORD_HASH = rule(
  'fast-password-hash',
  'A password hash that is quick to try out',
  'CWE-916',
  'error',
  'Use bcrypt, scrypt or Argon2, which salt the password and take their time.',
)
export const SECRET = rule(
  'hard-coded-secret',
  'A secret in the code',
  'CWE-798',
  'error',
  'Read it from the environment or a secret store, refuse to start without it, and change it: it is in the history of the repository.',
  ['CWE-259', 'CWE-321'],
)
export const EMPTY_PASSWORD = rule(
  'empty-password',
  'A database that asks for no password',
  'CWE-521',
  'warning',
  'Give the account a password, and read it from the environment or a secret store.',
  ['CWE-258'],
)
export const INTERFACES = rule(
  'all-interfaces',
  'A server that listens on every interface',
  'CWE-605',
  'note',
  'Bind the address that it is meant for; 127.0.0.1 where a proxy stands in front.',
)
export const PERMISSIONS = rule(
  'open-permissions',
  'A file that everybody may change or run',
  'CWE-732',
  'warning',
  'Give the owner alone the right: 0o600, or 0o700 for what is run.',
)
export const DESERIALISED = rule(
  'unsafe-deserialisation',
  'A format whose objects run code',
  'CWE-502',
  'note',
  'Read a format that only has data, such as JSON; `yaml.safe_load`, `weights_only=True`.',
)
export const ARCHIVE = rule(
  'unpacked-archive',
  'An archive that is unpacked as it says',
  'CWE-22',
  'warning',
  "Give `filter='data'`, or check that each name stays in the folder.",
)
export const UNESCAPED = rule(
  'unescaped-templates',
  'Templates that escape nothing',
  'CWE-79',
  'warning',
  'Give `autoescape=True` or `select_autoescape()`.',
)
export const DETAILS = rule(
  'error-details',
  'The answer tells how the program failed',
  'CWE-209',
  'warning',
  'Log the traceback, and answer with a sentence and a number to find it by.',
)
