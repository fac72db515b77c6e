import type { Language } from './language.ts'

const CALL = /^(?:function_call_expression|member_call_expression|scoped_call_expression)$/

export const PHP: Language = {
  name: 'PHP',
  grammar: 'php',
  files: /\.(?:php|phtml|inc)$/,
  sources: [
    { text: /^\$_(?:GET|POST|REQUEST|COOKIE)\b/, what: 'the request' },
    {
      text: /^\$_SERVER\[\s*['"](?:HTTP_\w+|REQUEST_URI|QUERY_STRING|PHP_SELF|PATH_INFO)['"]\s*\]$/,
      what: 'the request',
    },
    { text: /^\$_FILES\[.*\[\s*['"]name['"]\s*\]$/s, what: 'the name of an uploaded file' },
    {
      text: /^(?:\$(?:this->)?request->(?:input|get|query|post|all|cookie|header|getParam|getQuery|getParsedBody)(?:->get)?\(.*\)|request\(.*\)|Input::get\(.*\)|file_get_contents\(\s*['"]php:\/\/input['"]\s*\))$/s,
      what: 'the request',
    },
  ],
  sinks: [
    {
      callee: /^(?:mysql_query|mysql_db_query|pg_query|sqlite_query|odbc_exec|mssql_query|sqlsrv_query)$/,
      harm: 'sql-injection',
    },
    {
      callee: /^(?:mysqli_query|mysqli_multi_query|mysqli_real_query|mysqli_prepare|pg_send_query)$/,
      harm: 'sql-injection',
      args: [1],
    },
    {
      callee:
        /->(?:query|exec|multi_query|real_query|unprepared|whereRaw|orderByRaw|selectRaw|havingRaw|get_results|get_row|get_var|get_col|createNativeQuery|executeQuery|executeStatement)$/,
      harm: 'sql-injection',
      args: [0],
    },
    { callee: /->prepare$/, harm: 'sql-injection', args: [0] },
    {
      callee: /^DB::(?:raw|select|statement|unprepared|insert|update|delete)$/,
      harm: 'sql-injection',
      args: [0],
    },
    {
      callee: /^(?:exec|system|passthru|shell_exec|popen|proc_open|pcntl_exec|`)$/,
      harm: 'command-injection',
      args: [0],
    },
    {
      callee: /^(?:eval|assert|create_function|call_user_func|call_user_func_array)$/,
      harm: 'code-injection',
      args: [0],
    },
    { callee: /^(?:include|include_once|require|require_once)$/, harm: 'path-traversal' },
    {
      callee:
        /^(?:fopen|file_get_contents|file_put_contents|readfile|file|unlink|rmdir|mkdir|copy|rename|opendir|scandir|move_uploaded_file|show_source|highlight_file)$/,
      harm: 'path-traversal',
    },
    { callee: /^(?:echo|print|printf|<\?=)$/, harm: 'cross-site-scripting' },
    { callee: /^(?:curl_init|get_headers|fsockopen)$/, harm: 'request-forgery', args: [0] },
    { callee: /^curl_setopt$/, harm: 'request-forgery', args: [2] },
    { callee: /^unserialize$/, harm: 'unsafe-deserialisation', args: [0] },
    { callee: /^ldap_search$/, harm: 'ldap-injection', args: [2] },
    { callee: /->xpath$/, harm: 'xpath-injection', args: [0] },
    { callee: /^header$/, harm: 'open-redirect', args: [0] },
    { callee: /^(?:redirect|wp_redirect)$/, harm: 'open-redirect', args: [0] },
  ],
  safe: [
    {
      callee:
        /^(?:intval|floatval|boolval|count|strlen|sizeof|is_\w+|isset|empty|md5|sha1|hash|password_hash|crc32|bin2hex|random_int|ctype_\w+|preg_match|in_array|array_key_exists|strpos|str_contains|filter_var|number_format|date|strtotime|abs|round|absint)$/,
    },
    {
      callee:
        /^(?:htmlspecialchars|htmlentities|strip_tags|esc_html|esc_attr|esc_url|e|h|urlencode|rawurlencode|json_encode|wp_kses\w*)$/,
      for: ['cross-site-scripting', 'open-redirect', 'request-forgery'],
    },
    {
      callee:
        /(?:^|->)(?:mysqli_real_escape_string|mysql_real_escape_string|real_escape_string|pg_escape_(?:string|literal|identifier)|quote|addslashes|escape_string|esc_sql)$/,
      for: ['sql-injection'],
    },
    { callee: /^(?:escapeshellarg|escapeshellcmd)$/, for: ['command-injection'] },
    { callee: /^(?:basename|realpath)$/, for: ['path-traversal'] },
    { callee: /^ldap_escape$/, for: ['ldap-injection'] },
  ],
  patterns: [
    {
      rule: 'weak-hash',
      nodes: CALL,
      text: /^(?:md5|sha1)\(\s*\$\w*pass/i,
      message: 'A password that is hashed with MD5 or SHA-1 is found in seconds.',
    },
    {
      rule: 'tls-not-verified',
      nodes: CALL,
      text: /^curl_setopt\([^,]{1,80},\s*CURLOPT_SSL_VERIFY(?:PEER|HOST)\s*,\s*(?:false|0)\s*\)$/i,
      message: 'Whoever is in between can pretend to be the server: its certificate is not looked at.',
    },
  ],
}
