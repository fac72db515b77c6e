import type { CodeSeverity } from '../finding.ts'
import type { ClassName } from './classes.ts'

/** A rule of the value-flow pack: what it is called, and what is said about it. */
export interface FlowRule {
  readonly name: string
  readonly title: string
  readonly cwe: string
  readonly severity: CodeSeverity
  readonly help: string
  readonly tags: readonly string[]
}

const INJECTION = ['OWASP A03:2021']

/** By the class of the value; some classes have another rule for some sources, see `ruleOf`. */
export const FLOW_RULES: Readonly<Partial<Record<ClassName, FlowRule>>> = {
  sql: {
    name: 'sql-injection',
    title: 'Untrusted text in an SQL statement',
    cwe: 'CWE-89',
    severity: 'error',
    help: 'Keep the statement constant and pass the value as a parameter (`$1`, `?`); names of columns and tables come from a fixed list.',
    tags: INJECTION,
  },
  nosql: {
    name: 'nosql-injection',
    title: 'Untrusted object in a database query',
    cwe: 'CWE-943',
    severity: 'error',
    help: 'Make the value a string or number (`String(x)`, a schema) before it is part of a query, so that it cannot carry operators.',
    tags: INJECTION,
  },
  ldap: {
    name: 'ldap-injection',
    title: 'Untrusted text in an LDAP filter or name',
    cwe: 'CWE-90',
    severity: 'error',
    help: "Build the filter with the library's filter objects, or escape the value for LDAP.",
    tags: INJECTION,
  },
  xpath: {
    name: 'xpath-injection',
    title: 'Untrusted text in an XPath expression',
    cwe: 'CWE-643',
    severity: 'error',
    help: 'Use variables of the XPath library, or allow only known values.',
    tags: INJECTION,
  },
  template: {
    name: 'template-injection',
    title: 'Untrusted text as a template',
    cwe: 'CWE-1336',
    severity: 'error',
    help: 'Keep templates constant and pass the value as data.',
    tags: INJECTION,
  },
  command: {
    name: 'command-injection',
    title: 'Untrusted text in a shell command',
    cwe: 'CWE-78',
    severity: 'error',
    help: 'Call `execFile` or `spawn` with a list of arguments and no shell; check the value against what is allowed.',
    tags: INJECTION,
  },
  code: {
    name: 'code-injection',
    title: 'Untrusted text is run as code',
    cwe: 'CWE-94',
    severity: 'error',
    help: 'Do not evaluate text; parse it as data or choose among known functions.',
    tags: INJECTION,
  },
  path: {
    name: 'path-traversal',
    title: 'Untrusted text in a file path',
    cwe: 'CWE-22',
    severity: 'error',
    help: 'Resolve the path and check that it still begins with the folder meant (`resolved.startsWith(root + sep)`), or use `path.basename`.',
    tags: ['OWASP A01:2021'],
  },
  xss: {
    name: 'cross-site-scripting',
    title: 'Untrusted text in a page',
    cwe: 'CWE-79',
    severity: 'error',
    help: 'Escape the value for HTML, or set it as text (`textContent`, a template that escapes).',
    tags: INJECTION,
  },
  redirect: {
    name: 'open-redirect',
    title: 'Untrusted address of a redirect',
    cwe: 'CWE-601',
    severity: 'warning',
    help: 'Redirect to known addresses only, or check that the address is a path of this site.',
    tags: ['OWASP A01:2021'],
  },
  ssrf: {
    name: 'request-forgery',
    title: 'Untrusted address of a request that the server makes',
    cwe: 'CWE-918',
    severity: 'error',
    help: 'Take the host from a fixed list; keep the value to a part of the path or query, encoded.',
    tags: ['OWASP A10:2021'],
  },
  protobase: {
    name: 'prototype-pollution',
    title: 'Untrusted keys lead to a prototype that is written to',
    cwe: 'CWE-1321',
    severity: 'error',
    help: 'Refuse the keys `__proto__`, `constructor` and `prototype`, or use a Map or `Object.create(null)`.',
    tags: ['OWASP A08:2021'],
  },
  protokey: {
    name: 'prototype-pollution',
    title: 'Untrusted path of a property that is set',
    cwe: 'CWE-1321',
    severity: 'error',
    help: 'Refuse the keys `__proto__`, `constructor` and `prototype`, or use a Map.',
    tags: ['OWASP A08:2021'],
  },
  dispatch: {
    name: 'unchecked-method-call',
    title: 'Untrusted name of a method that is called',
    cwe: 'CWE-754',
    severity: 'warning',
    help: 'Look the name up in a Map or a list of allowed names first.',
    tags: [],
  },
  deserialise: {
    name: 'unsafe-deserialisation',
    title: 'Untrusted text is deserialised to objects with behaviour',
    cwe: 'CWE-502',
    severity: 'error',
    help: 'Use a format of plain data (`JSON.parse`, a safe schema).',
    tags: ['OWASP A08:2021'],
  },
  trust: {
    name: 'trust-boundary',
    title: 'Untrusted value in the session, where it counts as checked',
    cwe: 'CWE-501',
    severity: 'note',
    help: 'Check the value before it is kept in the session, or keep it where nobody takes it for checked.',
    tags: ['OWASP A04:2021'],
  },
  redos: {
    name: 'slow-regular-expression',
    title: 'Untrusted text can make a regular expression take very long',
    cwe: 'CWE-1333',
    severity: 'warning',
    help: 'Rewrite the expression without repetitions that can match the same text in several ways, or bound the length of the text first.',
    tags: [],
  },
  pattern: {
    name: 'regular-expression-injection',
    title: 'Untrusted text as a regular expression',
    cwe: 'CWE-730',
    severity: 'warning',
    help: 'Escape the value for regular expressions, or search for it as text.',
    tags: INJECTION,
  },
  header: {
    name: 'header-injection',
    title: 'Untrusted name of a response header',
    cwe: 'CWE-113',
    severity: 'warning',
    help: 'Keep names of headers constant.',
    tags: INJECTION,
  },
  log: {
    name: 'log-injection',
    title: 'Untrusted text in a log entry',
    cwe: 'CWE-117',
    severity: 'note',
    help: 'Take line ends out of the value, or log it as a field of a structured entry.',
    tags: ['OWASP A09:2021'],
  },
  xml: {
    name: 'xml-external-entities',
    title: 'Untrusted XML is parsed with external entities',
    cwe: 'CWE-611',
    severity: 'error',
    help: 'Parse without `noent`, so that entities stay unresolved.',
    tags: ['OWASP A05:2021'],
  },
  prompt: {
    name: 'prompt-injection',
    title: 'Untrusted text in the instructions of a model',
    cwe: 'CWE-1427',
    severity: 'warning',
    help: 'Keep the system prompt constant; give untrusted text as a message of the user, marked as data.',
    tags: ['OWASP LLM01:2025'],
  },
  mass: {
    name: 'mass-assignment',
    title: 'A record takes all fields of an untrusted object',
    cwe: 'CWE-915',
    severity: 'warning',
    help: 'Name the fields that may be set.',
    tags: ['OWASP A08:2021'],
  },
  upload: {
    name: 'insecure-upload',
    title: 'An uploaded file keeps the name that its sender gave it',
    cwe: 'CWE-434',
    severity: 'warning',
    help: 'Choose the name yourself, allow known extensions only, and keep uploads out of folders that are served.',
    tags: ['OWASP A04:2021'],
  },
}

export const ZIP_SLIP: FlowRule = {
  name: 'zip-slip',
  title: 'A name in an archive leads out of the folder',
  cwe: 'CWE-22',
  severity: 'error',
  help: 'Resolve the target and check that it begins with the folder that is unpacked to.',
  tags: ['OWASP A01:2021'],
}

export const MODEL_OUTPUT: FlowRule = {
  name: 'model-output-executed',
  title: "A model's answer is run or becomes part of a command, statement or page",
  cwe: 'CWE-1426',
  severity: 'error',
  help: "Treat a model's answer as untrusted: parse it as data, check it against a schema, pass it as a parameter.",
  tags: ['OWASP LLM05:2025'],
}
