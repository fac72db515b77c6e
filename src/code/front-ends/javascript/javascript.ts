import type { FrontEnd } from '../front-end.ts'

/** JavaScript and TypeScript, JSX included. */
export const JAVASCRIPT: FrontEnd = {
  language: 'javascript',
  extensions: ['.js', '.mjs', '.cjs', '.jsx', '.ts', '.mts', '.cts', '.tsx'],
  parse: (file) => ({ path: file.path, reason: 'the front end is not there yet' }),
}
