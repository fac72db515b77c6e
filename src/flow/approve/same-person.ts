/**
 * Whether two names are one person's: addresses come in whatever case a directory or a header spells them, and four eyes
 * must not become two by that.
 */
export function samePerson(one: string, other: string | null): boolean {
  return one === other || one.toLowerCase() === other?.toLowerCase()
}

/** Whether the name is that of whoever asked for the action. */
export function isAsker(
  name: string,
  asked: { readonly agent: string; readonly proposedBy: string | null },
): boolean {
  return samePerson(name, asked.agent) || samePerson(name, asked.proposedBy)
}
