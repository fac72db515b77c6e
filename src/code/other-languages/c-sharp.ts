import type { Language } from './language.ts'

const CALL = /^(?:invocation_expression|object_creation_expression)$/

export const C_SHARP: Language = {
  name: 'C#',
  grammar: 'c-sharp',
  files: /\.cs$/,
  sources: [
    {
      text: /^(?:HttpContext\.|this\.|context\.)*Request\.(?:Query|Form|Cookies|Headers|QueryString|Params|Path|RouteValues|Body)\b.*$/s,
      what: 'the request',
    },
    { text: /^Request\[.*\]$/s, what: 'the request' },
  ],
  parameters: {
    text: /^\[From(?:Query|Route|Body|Form|Header)[^\]]*\]\s*(?!\s|(?:int|long|bool|Guid|decimal|double|DateTime)\b)/,
    what: 'a parameter of the request',
  },
  sinks: [
    {
      callee: /^new (?:\w+\.)*(?:Sql|Npgsql|MySql|Sqlite|SQLite|Oracle|OleDb|Odbc)(?:Command|DataAdapter)$/,
      harm: 'sql-injection',
      args: [0],
    },
    { callee: /\.CommandText$/, harm: 'sql-injection' },
    {
      callee:
        /\.(?:FromSqlRaw|ExecuteSqlRaw|ExecuteSqlRawAsync|ExecuteSqlCommand|SqlQuery|QueryAsync|Query|ExecuteAsync|QueryFirst\w*|QuerySingle\w*)$/,
      harm: 'sql-injection',
      args: [0],
      needs: /Dapper|EntityFramework/,
    },
    { callee: /^Process\.Start$/, harm: 'command-injection' },
    {
      callee: /^new (?:\w+\.)*ProcessStartInfo$|\.(?:FileName|Arguments)$/,
      harm: 'command-injection',
      needs: /ProcessStartInfo/,
    },
    {
      callee:
        /^(?:System\.IO\.)?File\.(?:Read\w*|Write\w*|Open\w*|Delete|Copy|Move|Append\w*|Create)$|^new (?:FileStream|StreamReader|StreamWriter)$|^PhysicalFile$/,
      harm: 'path-traversal',
      args: [0],
    },
    {
      callee: /^(?:this\.)?(?:Redirect|RedirectPermanent)$|Response\.Redirect$/,
      harm: 'open-redirect',
      args: [0],
    },
    {
      callee: /(?:Html\.Raw|new HtmlString|Response\.Write(?:Async)?)$/,
      harm: 'cross-site-scripting',
      args: [0],
    },
    {
      callee:
        /\.(?:GetAsync|GetStringAsync|PostAsync|DownloadString|DownloadFile|OpenRead)$|^WebRequest\.Create$/,
      harm: 'request-forgery',
      args: [0],
    },
    {
      callee: /(?:BinaryFormatter|LosFormatter|NetDataContractSerializer|SoapFormatter)\(?\)?\.Deserialize$/,
      harm: 'unsafe-deserialisation',
    },
    { callee: /^CSharpScript\.(?:EvaluateAsync|RunAsync)$/, harm: 'code-injection', args: [0] },
  ],
  safe: [
    {
      callee:
        /(?:int|long|Guid|bool|decimal|double|DateTime|Int32|Convert)\.(?:Parse|TryParse|To(?:Int\d*|Boolean|Double|Decimal|DateTime))$|\.(?:Length|Count|Equals|Contains|StartsWith|IsLocalUrl|IsNullOrEmpty)$/,
    },
    {
      callee: /(?:HtmlEncode|HtmlEncoder\.Default\.Encode|AntiXssEncoder\.\w+)$/,
      for: ['cross-site-scripting'],
    },
    { callee: /Path\.GetFileName$/, for: ['path-traversal'] },
    {
      callee: /UrlEncode$|Uri\.EscapeDataString$/,
      for: ['open-redirect', 'request-forgery', 'cross-site-scripting'],
    },
  ],
  patterns: [
    {
      rule: 'weak-hash',
      nodes: CALL,
      text: /^(?:MD5|SHA1)\.(?:Create|HashData)\(|^new (?:MD5|SHA1)CryptoServiceProvider\(/,
      message: 'MD5 and SHA-1 are broken: collisions are cheap.',
    },
    {
      rule: 'weak-cipher',
      nodes: CALL,
      text: /^(?:DES|TripleDES|RC2)\.Create\(/,
      message: 'DES and RC2 are broken.',
    },
    {
      rule: 'unsafe-deserialisation',
      nodes: CALL,
      text: /^new BinaryFormatter\(\)$/,
      message: 'Whoever gives BinaryFormatter its bytes runs code here.',
    },
  ],
}
