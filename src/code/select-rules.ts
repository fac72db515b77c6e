/**
 * Which rules run: names with or without their pack, `pack/*`, and the same with `!` before it for those that do not.
 * With exclusions alone, all others run.
 */
export function selectRules(names: readonly string[] | undefined): (rule: string) => boolean {
  if (names === undefined || names.length === 0) return () => true
  const excluded = names.filter((name) => name.startsWith('!')).map((name) => name.slice(1))
  const included = names.filter((name) => !name.startsWith('!'))
  return (rule) =>
    (included.length === 0 || included.some((name) => matches(name, rule))) &&
    !excluded.some((name) => matches(name, rule))
}

function matches(name: string, rule: string): boolean {
  return (
    name === rule || rule.endsWith(`/${name}`) || (name.endsWith('/*') && rule.startsWith(name.slice(0, -1)))
  )
}
