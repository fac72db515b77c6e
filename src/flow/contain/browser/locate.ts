import type { Locator, Page } from 'playwright-core'
import type { JsonObject } from '../../../action/json.ts'
import { BelayError } from '../../../errors/catalogue.ts'

/** How an element is meant: one of `selector` (CSS), `role` with `name`, `label`, `placeholder`, `text`. */
export interface Target {
  readonly selector?: string
  readonly role?: string
  readonly name?: string
  readonly label?: string
  readonly placeholder?: string
  readonly text?: string
  /** The whole text in its case; else a part of it in any case. */
  readonly exact?: boolean
}

const TARGET_WAYS = ['selector', 'role', 'label', 'placeholder', 'text'] as const

/** An element as the page tells of it: untrusted words, for people and rules to look at. */
export interface Element {
  readonly role: string
  readonly name: string
  /** Where a link leads. */
  readonly href?: string
  /** What is typed there is not to be kept. */
  readonly sensitive: boolean
}

const MAX_WORDS = 300
const SENSITIVE_HINTS = ['password', 'one-time-code', 'cc-number', 'cc-csc']
const SENSITIVE_NAME = /passw|passphrase|secret|otp|cvc|cvv|pin$/

/** What of a page is covered in its pictures: elements into which secrets are typed. */
export const SENSITIVE_SELECTOR =
  'input[type=password], input[autocomplete*=password], input[autocomplete=one-time-code], input[autocomplete^=cc-]'

/** Throws `input:invalid` for what names no element, or two. */
export function checkTarget(target: Target, where: string): void {
  const ways = TARGET_WAYS.filter((way) => target[way] !== undefined)
  const refuse = (expected: string, got: string): never => {
    throw new BelayError('input:invalid', { where, expected, got })
  }
  if (ways.length !== 1)
    refuse(`one of ${TARGET_WAYS.join(', ')}`, ways.length === 0 ? 'none' : ways.join(', '))
  if (target.name !== undefined && target.role === undefined) refuse('role beside name', 'name alone')
  // `>>` would begin another engine of selectors, some of which leave the frame.
  if (target.selector?.includes('>>') === true) refuse('a CSS selector', 'a chain of selectors')
}

function locatorOf(page: Page, target: Target): Locator {
  const { selector, role, name, label, placeholder, text, exact = false } = target
  if (selector !== undefined) return page.locator(`css=${selector}`)
  if (label !== undefined) return page.getByLabel(label, { exact })
  if (placeholder !== undefined) return page.getByPlaceholder(placeholder, { exact })
  if (text !== undefined) return page.getByText(text, { exact })
  return page.getByRole(role as Parameters<Page['getByRole']>[0], {
    exact,
    ...(name !== undefined && { name }),
  })
}

/**
 * The one visible element that is meant, and what it says of itself. Throws `browser:element` when there is none, or
 * more than one, within `ms`. Everything is read in Playwright's own world, where scripts of the page change nothing.
 */
export async function find(
  page: Page,
  target: Target,
  ms: number,
): Promise<{ locator: Locator; element: Element }> {
  const visible = locatorOf(page, target).filter({ visible: true })
  const missing = (got: string, cause?: unknown): BelayError =>
    new BelayError('browser:element', { where: described(target), got }, { cause })
  try {
    await visible.first().waitFor({ state: 'visible', timeout: ms })
  } catch (error) {
    throw missing('none', error)
  }
  const count = await visible.count()
  if (count !== 1) throw missing(count === 0 ? 'none' : String(count))
  const locator = visible.first()
  try {
    const timeout = ms
    const [type, autocomplete, fieldName, href, snapshot] = await Promise.all([
      locator.getAttribute('type', { timeout }),
      locator.getAttribute('autocomplete', { timeout }),
      locator.getAttribute('name', { timeout }),
      locator.getAttribute('href', { timeout }),
      locator.ariaSnapshot({ timeout }),
    ])
    const [, role = 'generic', name = ''] = /^- ([a-z]+)(?: "((?:[^"\\]|\\.)*)")?/.exec(snapshot) ?? []
    const hints = (autocomplete ?? '').toLowerCase()
    const sensitive =
      (type ?? '').toLowerCase() === 'password' ||
      SENSITIVE_HINTS.some((hint) => hints.includes(hint)) ||
      SENSITIVE_NAME.test((fieldName ?? '').toLowerCase())
    const leads = href === null ? undefined : (URL.parse(href, page.url())?.href ?? href)
    return {
      locator,
      element: {
        role,
        name: bounded(name),
        ...(leads !== undefined && { href: bounded(leads) }),
        sensitive,
      },
    }
  } catch (error) {
    throw missing('one that went away', error)
  }
}

export function elementAnswer({ role, name, href, sensitive }: Element): JsonObject {
  return { role, name, ...(href !== undefined && { href }), ...(sensitive && { sensitive }) }
}

function described(target: Target): string {
  return TARGET_WAYS.flatMap((way) => (target[way] === undefined ? [] : [`${way} ${target[way]}`]))
    .concat(target.name === undefined ? [] : [`name ${target.name}`])
    .join(', ')
    .slice(0, MAX_WORDS)
    .toWellFormed()
}

function bounded(words: string): string {
  return words.slice(0, MAX_WORDS).toWellFormed()
}
