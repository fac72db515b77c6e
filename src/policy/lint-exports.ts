import { entriesOf, mapOf } from './lint.ts'
import type { Lint } from './lint.ts'

const ON_THIS_MACHINE = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::|\/|$)/i

/** What `export:` says that shows a secret, sends one in the clear, or lets two sinks get into each other's way. */
export function lintExports(lint: Lint): void {
  const files = new Map<string, string>()
  for (const [name, entry] of entriesOf(lint.content['export'])) {
    const path = ['export', name]
    for (const member of ['headers', 'keys'])
      for (const [key, value] of Object.entries(mapOf(entry[member])))
        if (typeof value === 'string' && !value.startsWith('$') && (member === 'keys' || SECRET.test(key)))
          lint.warning(
            [...path, member, key],
            'secret_in_file',
            '$NAME of an environment variable',
            'the secret itself',
          )
    const { url, file } = entry
    if (entry['format'] === 'sentry' && typeof url === 'string' && !url.startsWith('$'))
      lint.warning([...path, 'url'], 'secret_in_file', '$NAME of an environment variable', 'the DSN itself')
    if (typeof url === 'string' && url.startsWith('http:') && !ON_THIS_MACHINE.test(url))
      lint.warning([...path, 'url'], 'unencrypted', 'https, or this machine', 'http to another one')
    if (typeof file !== 'string') continue
    const other = files.get(file)
    if (other !== undefined)
      lint.error(
        [...path, 'file'],
        'shared_file',
        'a file of its own',
        `that of ${other}: both would put it aside`,
      )
    files.set(file, name)
  }
}

const SECRET = /authorization|key|token|secret|password|cookie/i
