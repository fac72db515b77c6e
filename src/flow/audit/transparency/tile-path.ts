import { TILE_WIDTH } from './merkle.ts'

/** A resource of a log (C2SP tlog-tiles): a tile of hashes, or a bundle of entries. */
export interface TilePath {
  readonly level: number | 'entries'
  readonly index: number
  /** 256 for a full one. */
  readonly width: number
}

const MAX_LEVEL = 63
const SHAPE = /^(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/** Reads what follows `tile/` in an address; `undefined` when it names no tile. */
export function parseTilePath(path: string): TilePath | undefined {
  const [, level, index, width] = SHAPE.exec(path) ?? []
  if (level === undefined || index === undefined) return undefined
  if (level !== 'entries' && Number(level) > MAX_LEVEL) return undefined
  if (width !== undefined && Number(width) >= TILE_WIDTH) return undefined
  // Each number has one address: none begins with a group of zeros.
  if (index.startsWith('x000/')) return undefined
  const number = Number(index.replaceAll(/[x/]/g, ''))
  if (!Number.isSafeInteger(number)) return undefined
  return {
    level: level === 'entries' ? level : Number(level),
    index: number,
    width: width === undefined ? TILE_WIDTH : Number(width),
  }
}

export function formatTilePath({ level, index, width }: TilePath): string {
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/\d{3}/g) ?? []
  const name = groups.map((group, i) => (i === groups.length - 1 ? group : `x${group}`)).join('/')
  return `${level}/${name}${width === TILE_WIDTH ? '' : `.p/${width}`}`
}

/** Every tile and bundle of a log of `size` entries. */
export function* tilesOf(size: number): Generator<TilePath> {
  for (let level = 0, hashes = size; hashes > 0; level++, hashes = Math.floor(hashes / TILE_WIDTH)) {
    for (let index = 0; index * TILE_WIDTH < hashes; index++) {
      const width = Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH)
      yield { level, index, width }
      if (level === 0) yield { level: 'entries', index, width }
    }
  }
}
