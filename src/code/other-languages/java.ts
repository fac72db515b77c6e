import { SHELL, type Language } from './language.ts'

const CALL = /^(?:method_invocation|object_creation_expression)$/

const PROCESS = /^new ProcessBuilder$|\bProcessBuilder\b.*\.command$/s

export const JAVA: Language = {
  name: 'Java',
  grammar: 'java',
  files: /\.java$/,
  sources: [
    {
      text: /^(?:\w+\.)*\w*(?:req|request|Req|Request)\w*\.(?:getParameter|getParameterValues|getParameterMap|getHeader|getHeaders|getQueryString|getCookies|getRequestURI|getRequestURL|getPathInfo|getInputStream|getReader|getPart|queryParam|pathParam|body)\(.*\)$/s,
      what: 'the request',
    },
    { text: /^\w*[cC]ookies?(?:\[\w+\])?\.getValue\(\)$/, what: "the request's cookies" },
    {
      text: /^(?:ctx|context)\.(?:queryParam|pathParam|formParam|header|cookie|body)\(.*\)$/s,
      what: 'the request',
    },
  ],
  parameters: {
    text: /@(?:RequestParam|PathVariable|RequestBody|RequestHeader|CookieValue|QueryParam|PathParam|FormParam|HeaderParam|ModelAttribute)\b(?!.*\b(?:int|long|Integer|Long|boolean|Boolean|UUID|double|BigDecimal|LocalDate)\s+\w+$)/s,
    what: 'a parameter of the request',
  },
  sinks: [
    {
      callee:
        /\.(?:executeQuery|executeUpdate|executeLargeUpdate|addBatch|prepareStatement|prepareCall|createNativeQuery|createSQLQuery|createQuery|queryForObject|queryForList|queryForMap|queryForRowSet|batchUpdate)$/,
      harm: 'sql-injection',
      args: [0],
    },
    {
      callee: /(?:[sS]t(?:mt|atement)|jdbc\w*)\.(?:execute|query|update)$/,
      harm: 'sql-injection',
      args: [0],
    },
    { callee: /\bexec$/, harm: 'command-injection', args: [0], needs: /getRuntime|Runtime/ },
    { callee: PROCESS, harm: 'command-injection', args: [0] },
    { callee: PROCESS, harm: 'command-injection', after: SHELL },
    { callee: /\bexec$/, harm: 'command-injection', after: SHELL, needs: /getRuntime|Runtime/ },
    {
      callee:
        /^new (?:java\.io\.)?(?:File|FileInputStream|FileOutputStream|FileReader|FileWriter|RandomAccessFile)$/,
      harm: 'path-traversal',
    },
    {
      callee:
        /^(?:Paths\.get|Path\.of|Files\.(?:newInputStream|newBufferedReader|readAllBytes|readString|lines|delete|copy|write))$/,
      harm: 'path-traversal',
    },
    { callee: /\.sendRedirect$/, harm: 'open-redirect', args: [0] },
    {
      callee:
        /^new (?:java\.net\.)?URL$|^URI\.create$|(?:restTemplate|RestTemplate)\.(?:getForObject|getForEntity|postForObject|exchange)$/,
      harm: 'request-forgery',
      args: [0],
    },
    { callee: /getWriter\(\)\.(?:print|println|write|format|printf|append)$/, harm: 'cross-site-scripting' },
    {
      callee: /\.(?:eval|evaluateExpression|parseExpression|compileExpression)$/,
      harm: 'code-injection',
      args: [0],
      needs: /ScriptEngine|SpelExpressionParser|Ognl|MVEL|GroovyShell/,
    },
    { callee: /^new ObjectInputStream$|\bXMLDecoder$/, harm: 'unsafe-deserialisation' },
    { callee: /\.(?:search)$/, harm: 'ldap-injection', args: [1], needs: /DirContext|LdapTemplate/ },
    { callee: /\.(?:evaluate|compile)$/, harm: 'xpath-injection', args: [0], needs: /javax\.xml\.xpath/ },
  ],
  safe: [
    {
      callee:
        /(?:Integer|Long|Double|Float|Short|Boolean|UUID|BigDecimal|LocalDate)\.(?:parse\w*|valueOf|fromString)$|\.(?:length|size|hashCode|equals|isEmpty|matches|indexOf|contains)$/,
    },
    {
      callee:
        /(?:HtmlUtils\.htmlEscape|StringEscapeUtils\.escapeHtml\d?|Encode\.for\w+|encodeForHTML\w*|escapeHtml\d?)$/,
      for: ['cross-site-scripting'],
    },
    { callee: /(?:encodeForSQL|escapeSql)$/, for: ['sql-injection'] },
    { callee: /FilenameUtils\.getName$|\.getFileName$/, for: ['path-traversal'] },
    { callee: /encodeForLDAP|filterEncode$/, for: ['ldap-injection'] },
    {
      callee: /URLEncoder\.encode$/,
      for: ['open-redirect', 'cross-site-scripting', 'path-traversal', 'request-forgery'],
    },
  ],
  patterns: [
    {
      rule: 'weak-hash',
      nodes: CALL,
      text: /^(?:\w+\.)*MessageDigest\.getInstance\(\s*"(?:MD2|MD5|SHA-?1)"/i,
      message: 'MD5 and SHA-1 are broken: collisions are cheap.',
    },
    {
      rule: 'weak-cipher',
      nodes: CALL,
      text: /^(?:\w+\.)*Cipher\.getInstance\(\s*"(?:DES|DESede|RC2|RC4|Blowfish|AES\/ECB)\b/i,
      message: 'The cipher, or its mode, does not keep a secret.',
    },
    {
      rule: 'tls-not-verified',
      nodes: CALL,
      text: /\b(?:NoopHostnameVerifier\.INSTANCE|ALLOW_ALL_HOSTNAME_VERIFIER)\b/,
      message: 'Whoever is in between can pretend to be the server.',
    },
  ],
}
