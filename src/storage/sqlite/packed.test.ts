import fc from 'fast-check'
import { expect, it } from 'vitest'
import { pack, unpack, type Packable } from './packed.ts'

const { value } = fc.letrec<{ value: Packable }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    // Lone surrogates come from agents, too.
    fc.string({ unit: fc.constantFrom('\u{d800}', '\0', 'é', '😀', '"') }),
    fc.double({ noNaN: true }),
    fc.maxSafeInteger(),
    fc.constant(null),
    fc.array(tie('value')),
  ),
}))

it('unpacks what was packed, also after a clone', () => {
  fc.assert(
    fc.property(value, (given) => {
      expect(unpack(structuredClone(pack(given)))).toEqual(given)
    }),
  )
  expect(unpack(pack([[], '', null, [['']], -1, -2, -3, 0]))).toEqual([[], '', null, [['']], -1, -2, -3, 0])
})
