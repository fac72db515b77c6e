/** Markup that may be put into markup as it is. */
export interface Html {
  readonly html: string
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A template whose values are escaped unless they are markup made by this function, or lists of such. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let text = parts[0] ?? ''
  for (const [index, value] of values.entries()) text += `${markup(value)}${parts[index + 1] ?? ''}`
  return { html: text }
}

type HtmlValue = string | number | null | Html | readonly Html[]

function markup(value: HtmlValue): string {
  if (value === null) return ''
  if (typeof value === 'string' || typeof value === 'number')
    return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] as string)
  return 'html' in value ? value.html : value.map((each) => each.html).join('')
}
