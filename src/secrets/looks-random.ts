const PLACEHOLDER =
  /example|placeholder|change[-_]?me|redacted|dummy|sample|your[-_ ]?(?:own|api|key|token|secret|pass|access)|my[-_](?:api|key|token|secret|pass)|insert[-_]|replace[-_]|xxxx|\*\*\*|\.\.\.|\u2026|0123456789|1234567890|abcdefgh|deadbeefdeadbeef|00000000|11111111|<[^>]*>/i
// A value that is fetched somewhere else is no secret itself.
const REFERENCE =
  /^(?:\$|%\w+%|\{\{|\{%|<|@\w+@|process\.env|os\.(?:environ|getenv)|env[.[(]|getenv|import\.meta|secrets?\.|vars\.|vault:|op:\/\/|ssm:|arn:|projects\/|config\.|settings\.|self\.|this\.|params\.|args\.)/i

/** Bits per character, by the frequencies within the text itself. */
function entropy(text: string): number {
  const counts = new Map<number, number>()
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    counts.set(code, (counts.get(code) ?? 0) + 1)
  }
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

/** Text that stands where a secret will stand: `your-key-here`, `xxxx…`, `${TOKEN}`. */
export function isPlaceholder(text: string): boolean {
  return PLACEHOLDER.test(text) || REFERENCE.test(text)
}

/** Enough of it looks at entropy: past this length a sample tells the same. */
const SAMPLE = 256

/** Whether the text is what a random generator gives: varied, with a digit or with letters that spell nothing. */
export function looksRandom(text: string, atLeast: number): boolean {
  const sample = text.slice(0, SAMPLE)
  if (isPlaceholder(sample)) return false
  const bits = entropy(sample)
  // Letters alone may be an identifier, whose letters repeat; sixteen capitals, as in a key of AWS, are none.
  return bits >= (/\d|^[A-Z]+$/.test(sample) ? atLeast : Math.min(4.3, 0.9 * Math.log2(sample.length)))
}
