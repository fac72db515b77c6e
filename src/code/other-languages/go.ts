import { SHELL, type Language } from './language.ts'

const GO_CALL = /^call_expression$/

export const GO: Language = {
  name: 'Go',
  grammar: 'go',
  files: /\.go$/,
  sources: [
    {
      text: /^\w+\.(?:URL\.Query\(\)(?:\.Get\(.*\)|\[.*\])|FormValue\(.*\)|PostFormValue\(.*\)|PathValue\(.*\)|Header\.Get\(.*\)|(?:Post)?Form(?:\.Get\(.*\)|\[.*\])|Body|RequestURI|URL\.(?:Path|RawQuery|RawPath)|Referer\(\)|UserAgent\(\))$/s,
      what: 'the request',
    },
    {
      text: /^(?:c|ctx|context)\.(?:Query|DefaultQuery|QueryArray|Param|Params|PostForm|DefaultPostForm|GetHeader|FormValue|QueryParam|QueryParams|GetQuery|Cookies|GetRawData|Get|BodyRaw|Body)\(.*\)$/s,
      what: 'the request',
    },
    { text: /^(?:mux|chi)\.(?:Vars|URLParam)\(.*\)(?:\[.*\])?$/s, what: "the request's path" },
  ],
  sinks: [
    {
      callee: /\.(?:Query|QueryRow|Exec|Prepare|Raw|Queryx|QueryRowx|MustExec|NamedExec|NamedQuery)$/,
      harm: 'sql-injection',
      args: [0],
      needs: /database\/sql|sqlx|gorm|pgx|go-pg/,
    },
    {
      callee:
        /\.(?:QueryContext|QueryRowContext|ExecContext|PrepareContext|GetContext|SelectContext|QueryxContext)$/,
      harm: 'sql-injection',
      args: [1],
    },
    {
      callee: /\.(?:Where|Having|Order|Group|Joins|Select|Or|Not)$/,
      harm: 'sql-injection',
      args: [0],
      needs: /gorm/,
    },
    {
      callee: /^(?:pool|conn|tx|db)\.(?:Query|QueryRow|Exec)$/,
      harm: 'sql-injection',
      args: [1],
      needs: /pgx/,
    },
    { callee: /^exec\.Command$/, harm: 'command-injection', args: [0] },
    { callee: /^exec\.CommandContext$/, harm: 'command-injection', args: [1] },
    { callee: /^exec\.Command(?:Context)?$/, harm: 'command-injection', after: SHELL },
    {
      callee:
        /^(?:os|ioutil)\.(?:Open|OpenFile|ReadFile|WriteFile|Create|Remove|RemoveAll|ReadDir|Mkdir|MkdirAll)$/,
      harm: 'path-traversal',
      args: [0],
    },
    { callee: /^http\.ServeFile$/, harm: 'path-traversal', args: [2] },
    {
      callee: /^(?:http\.(?:Get|Post|Head|PostForm)|(?:client|httpClient)\.(?:Get|Post|Head))$/,
      harm: 'request-forgery',
      args: [0],
    },
    { callee: /^http\.NewRequest$/, harm: 'request-forgery', args: [1] },
    { callee: /^http\.NewRequestWithContext$/, harm: 'request-forgery', args: [2] },
    { callee: /^http\.Redirect$/, harm: 'open-redirect', args: [2] },
    { callee: /^template\.(?:HTML|JS|URL|HTMLAttr)$/, harm: 'cross-site-scripting' },
    {
      callee: /^fmt\.Fprint(?:f|ln)?$/,
      harm: 'cross-site-scripting',
      needs: /text\/html|<(?:html|p|div|h\d)\b/i,
    },
  ],
  safe: [
    { callee: /^(?:strconv\.(?:Atoi|ParseInt|ParseUint|ParseFloat|ParseBool)|uuid\.Parse|len)$/ },
    {
      callee: /^(?:html|template)\.(?:EscapeString|HTMLEscapeString|HTMLEscaper|JSEscapeString)$/,
      for: ['cross-site-scripting'],
    },
    { callee: /^(?:filepath|path)\.Base$/, for: ['path-traversal'] },
    {
      callee: /^url\.(?:QueryEscape|PathEscape)$/,
      for: ['request-forgery', 'open-redirect', 'cross-site-scripting', 'path-traversal'],
    },
  ],
  patterns: [
    {
      rule: 'weak-hash',
      nodes: GO_CALL,
      text: /^(?:md5|sha1)\.(?:New|Sum)\(/,
      message: 'MD5 and SHA-1 are broken: collisions are cheap.',
    },
    {
      rule: 'weak-cipher',
      nodes: GO_CALL,
      text: /^(?:des\.New(?:TripleDES)?Cipher|rc4\.NewCipher)\(/,
      message: 'DES and RC4 are broken.',
    },
    {
      rule: 'tls-not-verified',
      nodes: /^keyed_element$/,
      text: /^InsecureSkipVerify\s*:\s*true$/,
      message: 'Whoever is in between can pretend to be the server: its certificate is not looked at.',
    },
  ],
}
