import { describe, expect, it } from 'vitest'
import { compareJson, compareText, fieldsOf, pathText } from '../../parts/payload/compare-json.ts'
import { commandOf, moveCursor, neighbour, NO_CURSOR } from './inbox-keys.ts'
import { differingFields, isBatchable, likeActions } from './like-actions.ts'
import { timeLeft } from './time-left.ts'
import { bounded, partsOf, visibleText } from '../../parts/payload/visible-text.ts'

describe('text that hides something', () => {
  it('shows what turns text around, what has no width, and blanks that only look empty', () => {
    expect(visibleText('pay \u202egpj.exe')).toBe('pay \\u{202e}gpj.exe')
    expect(visibleText('a\u200bb\ufeffc\u00add')).toBe('a\\u{200b}b\\u{feff}c\\u{00ad}d')
    expect(partsOf('a\u200b\u200b\u200b')).toMatchObject([{ text: 'a' }, { code: '200B', times: 3 }])
    expect(visibleText('\u3164\u2800')).toBe('\\u{3164}\\u{2800}')
    expect(partsOf('x\u{e0041}y')).toEqual([
      { kind: 'text', text: 'x' },
      { kind: 'hidden', code: 'E0041', name: 'tag character', times: 1 },
      { kind: 'text', text: 'y' },
    ])
  })

  it('keeps letters of every script, line breaks where asked, and the plain style of an emoji', () => {
    expect(visibleText('Grüße, 你好, שלום, नमस्ते')).toBe('Grüße, 你好, שלום, नमस्ते')
    expect(partsOf('a\nb', true)).toEqual([{ kind: 'text', text: 'a\nb' }])
    expect(partsOf('a\nb')).toHaveLength(3)
    expect(visibleText('\u2764\ufe0f')).toBe('\u2764\ufe0f')
    expect(visibleText('\u2764\ufe0f\ufe0f')).toBe('\u2764\ufe0f\\u{fe0f}')
    expect(visibleText('a\ufe0f')).toBe('a\\u{fe0f}')
  })

  it('cuts long texts between characters and says how much', () => {
    expect(bounded('a'.repeat(10), 4)).toEqual({ text: 'aaaa', cut: 6 })
    expect(bounded('ab\u{1f600}cd', 3)).toEqual({ text: 'ab', cut: 4 })
    expect(bounded('short', 10)).toEqual({ text: 'short', cut: 0 })
  })
})

describe('comparing JSON', () => {
  it('tells field by field what is changed, added and removed', () => {
    const { fields, changes } = compareJson(
      { to: ['a', 'b'], amount: 5, note: 'x', same: { a: 1 } },
      { to: ['a', 'c', 'd'], amount: 5, same: { a: 1 }, more: { deep: true } },
    )
    expect(changes).toBe(4)
    expect(fields.map(({ path, status }) => `${pathText(path)} ${status}`)).toEqual([
      'to[0] same',
      'to[1] changed',
      'to[2] added',
      'amount same',
      'same.a same',
      'more.deep added',
      'note removed',
    ])
  })

  it('takes a value of another type for a change, and an empty list for a field', () => {
    expect(compareJson({ a: [] }, { a: {} }).changes).toBe(1)
    expect(compareJson({ a: null }, { a: [] }).changes).toBe(1)
    expect(fieldsOf({ a: [], b: {} }).fields).toHaveLength(2)
    expect(compareJson({ a: null }, {}).fields).toMatchObject([{ status: 'removed', before: null }])
  })

  it('lists a change behind any amount of padding, and says that there is more', () => {
    const padding = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`p${i}`, i]))
    const { fields, more, changes } = compareJson({ ...padding, to: 'a' }, { ...padding, to: 'b' })
    expect(fields.length).toBeLessThanOrEqual(401)
    expect(fields.at(-1)).toMatchObject({ path: ['to'], status: 'changed' })
    expect([more, changes]).toEqual([true, 1])
  })

  it('bears 100,000 levels', () => {
    let deep: unknown = 1
    for (let level = 0; level < 100_000; level++) deep = [deep]
    expect(fieldsOf(deep).fields).toHaveLength(1)
  })

  it('quotes names that could be taken for something else', () => {
    expect(pathText(['a', 0, 'b c', 'd.e'])).toBe('a[0]["b c"]["d.e"]')
  })

  it('finds the words that were changed within a text', () => {
    expect(compareText('mail jane@example.com or call 555-1234', 'mail [EMAIL] or call [PHONE]')).toEqual([
      { kind: 'same', text: 'mail ' },
      { kind: 'removed', text: 'jane@example.com' },
      { kind: 'added', text: '[EMAIL]' },
      { kind: 'same', text: ' or call ' },
      { kind: 'removed', text: '555-1234' },
      { kind: 'added', text: '[PHONE]' },
    ])
    const long = 'word '.repeat(20_000)
    expect(compareText(`${long}old end`, `${long}new end`).map(({ kind }) => kind)).toEqual([
      'same',
      'removed',
      'added',
      'same',
    ])
  })

  it('puts the texts together again, whatever they are', () => {
    const texts = ['', 'a', 'a b c', 'c b a', '💥 a\u0301', 'x'.repeat(500), 'one two three two one']
    for (const before of texts)
      for (const after of texts) {
        const spans = compareText(before, after)
        const of = (left: string): string =>
          spans.flatMap(({ kind, text }) => (kind === left ? [] : [text])).join('')
        expect([of('added'), of('removed')]).toEqual([before, after])
      }
  })
})

describe('the time that is left', () => {
  it('is exact to the second in the last ten minutes and never shows zero before the end', () => {
    const at = (ms: number): string => timeLeft(ms, 0).text
    expect([at(1), at(999), at(12_000), at(245_000), at(600_000)]).toEqual([
      '1 s',
      '1 s',
      '12 s',
      '4 min 05 s',
      '10 min',
    ])
    expect([at(3_600_000), at(11_520_000), at(187_200_000)]).toEqual(['1 h', '3 h 12 min', '2 d 4 h'])
    expect(timeLeft(0, 0)).toMatchObject({ text: 'expired', expired: true })
    expect(timeLeft(245_000, 0).spoken).toBe('4 minutes 5 seconds')
  })
})

describe('keys', () => {
  const press = (key: string, more = {}) => ({
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    repeat: false,
    ...more,
  })
  const on = { shortcuts: true, busy: false, inList: false }

  it('mean what the help says', () => {
    expect(['j', 'K', 'a', 'r', 'e', 'x', 'u', '?'].map((key) => commandOf(press(key), on))).toEqual([
      'next',
      'previous',
      'approve',
      'reject',
      'edit',
      'select',
      'undo-selection',
      'help',
    ])
  })

  it('mean nothing with a modifier, while typing, or held down where they would decide', () => {
    expect(commandOf(press('a', { ctrlKey: true }), on)).toBeNull()
    expect(commandOf(press('a', { metaKey: true }), on)).toBeNull()
    expect(commandOf(press('a'), { ...on, busy: true })).toBeNull()
    expect(commandOf(press('a', { repeat: true }), on)).toBeNull()
    expect(commandOf(press('j', { repeat: true }), on)).toBe('next')
    expect(commandOf(press('toString'), on)).toBeNull()
  })

  it('that are single characters can be switched off; arrows and Escape stay', () => {
    const off = { shortcuts: false, busy: false, inList: true }
    expect(['a', 'j', '?'].map((key) => commandOf(press(key), off))).toEqual([null, null, null])
    expect([commandOf(press('ArrowDown'), off), commandOf(press('Escape'), off)]).toEqual(['next', 'back'])
    expect(commandOf(press('ArrowDown'), on)).toBeNull()
  })

  it('move the cursor within the list and select', () => {
    const ids = ['1', '2', '3']
    let cursor = moveCursor(NO_CURSOR, 'next', ids)
    expect(cursor.at).toBe('1')
    cursor = moveCursor(moveCursor(cursor, 'select', ids), 'last', ids)
    cursor = moveCursor(moveCursor(cursor, 'next', ids), 'select', ids)
    expect([cursor.at, [...cursor.selected]]).toEqual(['3', ['1', '3']])
    expect(moveCursor(cursor, 'select', ids).selected.has('3')).toBe(false)
    expect(moveCursor(cursor, 'undo-selection', ids).selected.size).toBe(0)
    expect(moveCursor(NO_CURSOR, 'next', []).at).toBeNull()
    expect([neighbour(ids, '2'), neighbour(ids, '3'), neighbour(['1'], '1')]).toEqual(['3', '2', null])
  })
})

describe('like actions', () => {
  const item = (id: string, more = {}) => ({
    id,
    agent: 'writer',
    action: 'note.publish',
    target: null,
    risk: 'medium',
    reasons: [{ code: 'approval:required' }],
    groups: ['editors'],
    step: 0,
    input: { text: id, channel: 'news' },
    ...more,
  })

  it('are put together when everything that matters is alike, and high risk never is', () => {
    const batches = likeActions([
      item('1'),
      item('2'),
      item('3', { agent: 'other' }),
      item('4', { reasons: [{ code: 'pii:found' }, { code: 'approval:required' }] }),
      item('5', { step: 1, groups: ['editors', 'bosses'] }),
      item('6', { risk: 'high' }),
      item('7', { risk: 'high' }),
      item('8'),
      item('9', { target: 'production' }),
    ])
    expect(batches.map(({ items }) => items.map(({ id }) => id))).toEqual([
      ['1', '2', '8'],
      ['3'],
      ['4'],
      ['5'],
      ['6'],
      ['7'],
      ['9'],
    ])
  })

  it('are looked at alone when a difference could lie behind more fields than can be compared', () => {
    const padding = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`p${index}`, index]))
    const padded = ['mallory', 'ann'].map((to) => item(to, { input: { ...padding, to } }))
    expect(likeActions(padded).map(({ items }) => items.length)).toEqual([1, 1])
    expect(padded.map((one) => isBatchable(one))).toEqual([false, false])
  })

  it('name what differs between them, also what only one of them has', () => {
    expect(
      differingFields([
        { to: 'a', text: 'same', list: [1, 2] },
        { to: 'b', text: 'same', list: [1, 3], cc: 'boss' },
      ]),
    ).toEqual(['to', 'list[1]', 'cc'])
    expect(differingFields([{ a: 1 }, { a: 1 }])).toEqual([])
  })
})
