import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BelayError } from '../../errors/catalogue.ts'
import { checkVariables, isMadeOf, parseTemplate, renderTemplate } from './template.ts'

const template = (text: string) => parseTemplate(text, 'greeting')

function refused(text: string): unknown {
  try {
    return template(text)
  } catch (error) {
    return error instanceof BelayError ? [error.code, error.message] : error
  }
}

describe('a template', () => {
  test('is text with variables, put in as they are', () => {
    const made = template('Dear {{ name }}, {{amount}} is due. {{name}}!')
    expect(made.variables).toEqual(['name', 'amount', 'name'])
    expect(renderTemplate(made, { name: 'Ann', amount: 7 })).toBe('Dear Ann, 7 is due. Ann!')
  })

  test('a value is never read as a template, nor as a pattern of a replacement', () => {
    expect(renderTemplate(template('a {{x}} b'), { x: '{{y}} $& $1 \\{{' })).toBe('a {{y}} $& $1 \\{{ b')
  })

  test('a literal {{ is written \\{{', () => {
    expect(renderTemplate(template('\\{{x}} and {{x}}'), { x: 1 })).toBe('{{x}} and 1')
    expect(renderTemplate(template('a\\{{\\{{b'), {})).toBe('a{{{{b')
    expect(renderTemplate(template('{x} } }} {'), {})).toBe('{x} } }} {')
  })

  test.each([
    ['Hello\n  {{', 'greeting, line 2, column 3'],
    ['{{#each x}}', '{{#each x}}'],
    ['{{{x}}}', 'got {{{x}}'],
    ['{{}}', '{{}}'],
    ['{{a.b}}', '{{a.b}}'],
    ['{{> partial}}', '{{> partial}}'],
    ['\ud800', 'surrogate'],
  ])('there is nothing else: %j', (text, found) => {
    expect(refused(text)).toEqual(['prompt:invalid', expect.stringContaining(found)])
  })

  test('is bounded', () => {
    expect(refused('x'.repeat(200_001))).toEqual(['input:too_large', expect.stringContaining('200000')])
    expect(refused('{{x}}'.repeat(201))).toEqual(['prompt:invalid', expect.stringContaining('200 variables')])
  })

  test('takes exactly its variables', () => {
    const two = [template('{{a}} {{b}}')]
    expect(() => checkVariables('greeting', two, { a: 1, b: 2 })).not.toThrow()
    expect(() => checkVariables('greeting', two, { a: 1 })).toThrow('missing: b')
    expect(() => checkVariables('greeting', two, { a: 1, b: 1, c: 1 })).toThrow('not in the template: c')
    expect(() => checkVariables('greeting', [template('{{toString}}')], {})).toThrow('missing: toString')
  })
})

describe('a text is recognised', () => {
  test('as made of its template, whatever the values', () => {
    const words = fc.string({ maxLength: 20 }).map((text) => text.replaceAll('{', '(').replaceAll('\\', '/'))
    fc.assert(
      fc.property(
        fc.array(words, { minLength: 1, maxLength: 6 }),
        fc.array(fc.string()),
        (literals, values) => {
          const made = template(literals.join('{{x}}'))
          const texts = literals.map(
            (literal, index) => literal + (index < literals.length - 1 ? (values[index] ?? '') : ''),
          )
          expect(isMadeOf(made, texts.join(''))).toBe(true)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('and with the blanks around it cut off', () => {
    expect(isMadeOf(template('\n Hello {{x}} bye \n'), 'Hello Ann bye')).toBe(true)
    expect(isMadeOf(template('Hello'), ' Hello\n')).toBe(true)
  })

  test.each([
    ['Hello', 'Hello there'],
    ['Hello {{x}}', 'Goodbye Ann'],
    ['{{x}} bye', 'Ann by'],
    ['a{{x}}a', 'a'],
    ['a{{x}}b{{y}}c', 'a c b'],
    ['a{{x}}bb{{y}}bb', 'a bb'],
    ['Never pay. {{x}}', 'Never pay.Always'],
  ])('%j is not what became %j', (text, other) => {
    expect(isMadeOf(template(text), other)).toBe(false)
  })
})
