import { useNavigate, useSearch } from '@tanstack/react-router'

/**
 * Filters that stand in the address, so that they can be shared and survive a reload. Values are text; one that equals
 * its default is left out.
 */
export function useFilters<F extends Readonly<Record<string, string>>>(
  defaults: F,
): readonly [F, (change: Partial<Record<keyof F, string>>) => void] {
  const search: Record<string, unknown> = useSearch({ strict: false })
  const navigate = useNavigate()
  const filters = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => {
      const given = search[name]
      return [name, typeof given === 'string' ? given : value]
    }),
  ) as F
  const set = (change: Partial<Record<keyof F, string>>): void => {
    const next: Record<string, string> = { ...search, ...change } as Record<string, string>
    for (const [name, value] of Object.entries(defaults)) if (next[name] === value) delete next[name]
    // Whoever goes back wants the page before, not the letter before.
    void navigate({ to: '.', search: next, replace: true })
  }
  return [filters, set]
}
