import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { isTestPath } from '../../src/code/reading/readable.ts'

/** What each of its rules is about, as a class of `recall.ts`. */
const RULES: Readonly<Record<string, string>> = {
  'detect-child-process': 'command',
  'detect-eval-with-expression': 'code',
  'detect-non-literal-fs-filename': 'path',
  'detect-non-literal-regexp': 'regex',
  'detect-non-literal-require': 'path',
  'detect-object-injection': 'prototype',
  'detect-unsafe-regex': 'regex',
  'detect-pseudoRandomBytes': 'crypto',
  'detect-possible-timing-attacks': 'crypto',
  'detect-disable-mustache-escape': 'xss',
  'detect-no-csrf-before-method-override': 'csrf',
  'detect-buffer-noassert': 'resource',
  'detect-new-buffer': 'resource',
  'detect-bidi-characters': 'code',
}

interface Linter {
  verify(text: string, config: object, file: string): { ruleId: string | null; line: number }[]
}

export interface Eslint {
  readonly linter: Linter
  readonly plugin: object
}

/** ESLint with eslint-plugin-security, from a folder that has both in its node_modules. */
export async function loadEslint(folder: string): Promise<Eslint> {
  const require = createRequire(join(resolve(folder), 'package.json'))
  const { Linter } = require('eslint') as { Linter: new (options?: object) => Linter }
  return { linter: new Linter({ configType: 'flat' }), plugin: require('eslint-plugin-security') as object }
}

export async function eslintFindings(
  { linter, plugin }: Eslint,
  folder: string,
): Promise<{ places: { file: string; line: number; class: string }[]; lines: number }> {
  const places: { file: string; line: number; class: string }[] = []
  let lines = 0
  const config = {
    files: ['**/*.js', '**/*.mjs', '**/*.cjs', '**/*.jsx', '**/*'],
    plugins: { security: plugin },
    languageOptions: {
      ecmaVersion: 'latest',
      sourceType: 'commonjs',
      parserOptions: { ecmaFeatures: { jsx: true } },
    },
    linterOptions: { noInlineConfig: true },
    rules: Object.fromEntries(Object.keys(RULES).map((each) => [`security/${each}`, 'error'])),
  }
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) {
        if (!/^(?:node_modules|\.git|dist|build|coverage)$/.test(entry.name)) walk(path)
      } else if (
        (/\.[mc]?jsx?$/.test(path) || /(?:^|\/)bin\/[^.]+$/.test(path)) &&
        !isTestPath(path) &&
        !path.endsWith('.min.js')
      ) {
        const text = readFileSync(join(folder, path), 'utf8')
        if (text.length > 1_500_000) continue
        lines += text.split('\n').length
        for (const message of linter.verify(text, config, path)) {
          const rule = message.ruleId?.replace('security/', '')
          if (rule !== undefined && RULES[rule] !== undefined)
            places.push({ file: path, line: message.line, class: RULES[rule] })
        }
      }
    }
  }
  walk('')
  return { places, lines }
}
