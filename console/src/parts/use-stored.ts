import { useState } from 'react'

/** A choice that this browser remembers. */
export function useStored<V extends string>(
  name: string,
  allowed: readonly V[],
  otherwise: V,
): readonly [V, (value: V) => void] {
  const [value, setValue] = useState<V>(() => {
    try {
      const stored = localStorage.getItem(name)
      return allowed.find((each) => each === stored) ?? otherwise
    } catch {
      return otherwise
    }
  })
  return [
    value,
    (next) => {
      setValue(next)
      try {
        localStorage.setItem(name, next)
      } catch {
        // It holds for this page then.
      }
    },
  ]
}
