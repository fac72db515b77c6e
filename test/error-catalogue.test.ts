import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BelayError, CATALOGUE, type ErrorCode } from '../src/errors/catalogue.ts'

const root = resolve(import.meta.dirname, '../src')
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.endsWith('catalogue.ts'))
  .map((file) => readFileSync(join(root, file), 'utf8'))
const codes = Object.keys(CATALOGUE) as ErrorCode[]

/** The names in braces of a message template. */
const valuesOf = (code: ErrorCode): string[] =>
  [...CATALOGUE[code].message.matchAll(/(?<!\{)\{(\w+)\}(?!\})/g)].map(([, name]) => name as string)

describe('the error catalogue', () => {
  it.each(codes)('%s is given somewhere, with every value that its message names', (code) => {
    const calls = sources.flatMap((text) => [
      ...text.matchAll(new RegExp(`BelayError\\(\\s*'${code}'([^;]*)`, 'g')),
    ])
    expect(sources.some((text) => text.includes(`'${code}'`))).toBe(true)
    for (const [, given] of calls) {
      // Details that are built elsewhere and passed by name are not read here.
      if (!/^\s*,\s*\{/.test(given as string)) continue
      for (const name of valuesOf(code)) expect(given).toMatch(new RegExp(`\\b${name}\\b`))
    }
  })

  it.each(codes)('%s fills its message and has a client or server status', (code) => {
    const details = Object.fromEntries(valuesOf(code).map((name) => [name, `<${name}>`]))
    const error = new BelayError(code, details)
    for (const value of Object.values(details)) expect(error.message).toContain(value)
    expect(error.message).not.toMatch(/\{\w+\}(?!\})/)
    expect(error.status).toBeGreaterThanOrEqual(400)
    expect(error.status).toBeLessThan(600)
  })

  it('never fills a value into a value', () => {
    const error = new BelayError('input:invalid', { where: '{got}', expected: 'x', got: 'secret' })
    expect(error.message).toContain('{got}: expected x')
  })
})
