const UNITS: Readonly<Record<string, number>> = {
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
}

/** What `parseBytes` reads, for messages and for the published schema. */
export const BYTES_PATTERN = '^[0-9]{1,6}(KB|MB|GB|TB|KiB|MiB|GiB|TiB)$'

const BYTES = new RegExp(BYTES_PATTERN)

/** Bytes of `512MB` (powers of 1000) or `512MiB` (powers of 1024); `undefined` for anything else. */
export function parseBytes(text: string): number | undefined {
  const unit = BYTES.exec(text)?.[1]
  return unit === undefined ? undefined : Number.parseInt(text, 10) * UNITS[unit]!
}
