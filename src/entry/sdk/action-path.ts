/** The address of an action, or of one of its steps, in the API. */
export function pathOf(id: string, step?: string): string {
  return `/v1/actions/${encodeURIComponent(id)}${step === undefined ? '' : `/${step}`}`
}
