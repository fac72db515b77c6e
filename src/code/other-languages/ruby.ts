import { SHELL, type Language } from './language.ts'

const CALL = /^call$/

export const RUBY: Language = {
  name: 'Ruby',
  grammar: 'ruby',
  files: /\.(?:rb|rake)$/,
  sources: [
    {
      text: /^(?:params|cookies)(?:\[.*\]|\.(?:fetch|dig|require|permit|to_unsafe_h)\b.*)$/s,
      what: 'the request',
    },
    { text: /^params$/, what: 'the request' },
    {
      text: /^request\.(?:params|query_parameters|raw_post|body|headers|url|fullpath|path|referer|user_agent|env)\b.*$/s,
      what: 'the request',
    },
  ],
  sinks: [
    {
      callee:
        /\.(?:where|having|order|group|joins|select|find_by_sql|execute|exec_query|select_all|select_value|select_rows|update_all|delete_all|from|lock|pluck|reorder|exists\?|count_by_sql)$/,
      harm: 'sql-injection',
      args: [0],
    },
    {
      callee:
        /^(?:Kernel\.)?(?:system|exec|spawn|`|%x)$|^(?:IO\.popen|Open3\.(?:capture2e?|capture3|popen[23]e?|pipeline))$/,
      harm: 'command-injection',
      args: [0],
    },
    {
      callee: /^(?:Kernel\.)?(?:system|exec|spawn)$|^(?:IO\.popen|Open3\.\w+)$/,
      harm: 'command-injection',
      after: SHELL,
    },
    {
      callee:
        /^(?:eval|instance_eval|class_eval|module_eval)$|\.(?:instance_eval|class_eval|module_eval|constantize|safe_constantize|send|public_send|__send__)$/,
      harm: 'code-injection',
      args: [0],
    },
    {
      callee:
        /^(?:File|IO|Dir|Pathname|FileUtils)\.(?:open|read|new|write|readlines|binread|delete|unlink|rm|rm_rf|glob|entries|mkdir|join)$|^send_file$|^open$/,
      harm: 'path-traversal',
      args: [0],
    },
    { callee: /^(?:redirect_to|redirect)$/, harm: 'open-redirect', args: [0] },
    { callee: /^(?:raw|html_safe)$/, harm: 'cross-site-scripting' },
    { callee: /^render$/, harm: 'code-injection', args: [0] },
    {
      callee:
        /^(?:Net::HTTP\.(?:get|post|get_response|start)|HTTParty\.(?:get|post)|URI\.open|Faraday\.(?:get|post|new)|RestClient\.(?:get|post))$/,
      harm: 'request-forgery',
      args: [0],
    },
    {
      callee: /^(?:Marshal\.(?:load|restore)|YAML\.(?:load|unsafe_load)|Oj\.load)$/,
      harm: 'unsafe-deserialisation',
      args: [0],
    },
  ],
  safe: [
    {
      callee:
        /\.(?:to_i|to_f|to_date|present\?|blank\?|nil\?|empty\?|size|length|count|include\?|match\?|key\?|any\?|permit|require|presence_in|hash)$|^(?:Integer|Float)$/,
    },
    {
      callee: /(?:^|\.)(?:sanitize|h|html_escape|escape_once|strip_tags|escapeHTML|escape_html)$/,
      for: ['cross-site-scripting'],
    },
    {
      callee: /\.(?:sanitize_sql\w*|quote|quote_column_name|quote_string)$|^sanitize_sql\w*$/,
      for: ['sql-injection'],
    },
    { callee: /(?:Shellwords\.(?:escape|shellescape)|\.shellescape)$/, for: ['command-injection'] },
    { callee: /^File\.(?:basename|extname)$/, for: ['path-traversal'] },
  ],
  patterns: [
    {
      rule: 'weak-hash',
      nodes: CALL,
      text: /^(?:Digest::|OpenSSL::Digest::)(?:MD5|SHA1)\.(?:hexdigest|digest|base64digest|new)\b/,
      message: 'MD5 and SHA-1 are broken: collisions are cheap.',
    },
    {
      rule: 'tls-not-verified',
      nodes: /^assignment$/,
      text: /^\w+(?:\.\w+)*\.verify_mode\s*=\s*OpenSSL::SSL::VERIFY_NONE$/,
      message: 'Whoever is in between can pretend to be the server: its certificate is not looked at.',
    },
    {
      rule: 'csrf-off',
      nodes: CALL,
      text: /^skip_before_action\s+:verify_authenticity_token|^skip_forgery_protection\b/,
      message: 'Another site can send requests in the name of whoever is logged in.',
    },
  ],
}
