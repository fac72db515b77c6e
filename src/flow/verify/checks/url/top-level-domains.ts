import { twitterText } from '../length/twitter-text.ts'

// Delegated after the library's list was made.
const NEWER = ['kids', 'music']

/** What files are called more often than sites, though it is a country's domain: README.md, main.rs. */
const FILE_EXTENSIONS = new Set([
  'cc',
  'md',
  'mk',
  'ml',
  'pl',
  'ps',
  'py',
  'rs',
  'sh',
  'so',
  'st',
  'tf',
  'vi',
])

let topLevel: ReadonlySet<string> | undefined

/** Loads the list, which takes longer than a check may. Call it when the policy loads. */
export function loadTopLevelDomains(): ReadonlySet<string> {
  const { validGTLD, validCCTLD } = twitterText().regexen
  return (topLevel ??= new Set([...namesIn(validGTLD), ...namesIn(validCCTLD), ...NEWER]))
}

/** Whether the last label (lower case) of a name that stands without a scheme makes it a domain name. */
export function isTopLevelDomain(label: string): boolean {
  return (topLevel ?? loadTopLevelDomains()).has(label) || label.startsWith('xn--')
}

/** Whether `name.label` alone, without a path, is more likely a file. */
export function isFileExtension(label: string): boolean {
  return FILE_EXTENSIONS.has(label)
}

function namesIn(pattern: RegExp): readonly string[] {
  const alternatives = pattern.source.split('(?=')[0] ?? ''
  return alternatives.match(/[\p{L}\p{M}\p{N}-]{2,}/gu) ?? []
}
