/**
 * Whether code of another language given on the line is plainly harmless: short, and made of nothing but literals,
 * operators and names from the list. What is not on the list is not understood, so it is not harmless.
 */
export function isHarmlessCode(language: string, code: string): boolean {
  if (code.length > 2_000) return false
  if (language === 'python') return onlyKnown(code, PYTHON, PYTHON_TOKEN)
  if (language === 'node') {
    if (!onlyKnown(code, NODE, NODE_TOKEN)) return false
    return (code.match(/\brequire\b/g) ?? []).length === (code.match(REQUIRED) ?? []).length
  }
  // A plain substitution: no code in it, none run on its result.
  if (language === 'perl')
    return (
      /^s([/|#,!])[^\n@$`{}]{0,500}\1[^\n@$`{}]{0,500}\1[gimsx]{0,5};?$/.test(code) ||
      /^s\/[^/\n@`{}]{0,500}\/[^/\n@`{}(]{0,500}\/[gimsx]{0,5};?$/.test(code)
    )
  return false
}

const REQUIRED =
  /\brequire\s{0,3}\(\s{0,3}['"](?:\.{1,2}\/[\w./-]{1,200}\.json|node:path|path|node:os|os|node:util|util)['"]\s{0,3}\)/g

const PYTHON =
  words(`print len range str int float bool list dict set tuple sorted sum min max abs round enumerate zip map
  filter any all repr ord chr hex bin oct type isinstance format True False None and or not in is if else for lambda
  import from as sys json math datetime platform random string re statistics decimal fractions collections itertools
  uuid base64 hashlib time version version_info executable argv stdin stdout platform load loads dumps read readlines
  strip split rstrip lstrip join replace upper lower startswith endswith get keys values items append indent
  sort_keys ensure_ascii reverse key sep end python_version system machine now today utcnow strftime isoformat date
  timedelta days hours seconds total_seconds sqrt pi floor ceil log pow sin cos tan randint uuid4 Counter most_common
  hexdigest sha256 sha1 md5 encode decode b64encode b64decode group findall search match sub maxsize x y z i j k v n d
  s a b c e f line lines data obj item r result assert pass try except Exception`)
const NODE =
  words(`console log error info JSON stringify parse process version versions platform arch node v8 Math max
  min floor ceil round sqrt pow PI random abs Number String Boolean Date now toISOString new const let var if else for
  of in return true false null undefined typeof parseInt parseFloat toString toFixed length split join map filter
  reduce slice trim require name scripts dependencies devDependencies engines keys values entries Object Array isArray
  from includes startsWith endsWith replace toUpperCase toLowerCase push sort reverse memoryUsage uptime cwd argv
  path basename dirname extname resolve os cpus totalmem freemem util inspect a b c d e f i j k n p r s t v x y z acc
  sum item key value pkg data main types exports version license`)

// Strings, numbers, names, operators. Attribute access through computed text is left out on purpose.
const PYTHON_TOKEN =
  /\s+|#[^\n]*|[A-Za-z_]\w*|\d[\w.]*|"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'|[-+*/%=<>!(),.:;[\]{}&|^~]/y
const NODE_TOKEN =
  /\s+|[A-Za-z_]\w*|\d[\w.]*|"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'|\[\s*\d{0,9}\s*\]|[-+*/%=<>!(),.:;{}&|^~?]/y

function onlyKnown(code: string, names: ReadonlySet<string>, token: RegExp): boolean {
  token.lastIndex = 0
  let before = ''
  while (token.lastIndex < code.length) {
    const match = token.exec(code)
    if (match === null) return false
    const [text] = match
    if (/^[A-Za-z_]/.test(text) && !names.has(text)) return false
    // f"…" holds code.
    if (/^['"]/.test(text) && /^(?:f|fr|rf)$/i.test(before)) return false
    before = text
  }
  return true
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(/\s+/))
}
