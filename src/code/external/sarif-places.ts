import { isAbsolute, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Location } from '../flow-graph/module.ts'
import { at, list, object, whole, type Json } from './hostile-json.ts'

/** Bases may stand on bases, SARIF 2.1.0 §3.14.14; a log could make a circle of them. */
const MAX_BASES = 8
const MAX_URI = 4_096

/** Where the places of one run lie in a folder. */
export class SarifPlaces {
  private readonly folder: string
  private readonly root: string
  private readonly bases: Json
  private readonly artifacts: readonly Json[]
  private readonly known = new Map<string, string | null>()

  constructor(run: Json, folder: string) {
    this.folder = folder
    this.root = pathToFileURL(folder.endsWith('/') ? folder : `${folder}/`).href
    this.bases = object(run['originalUriBaseIds'])
    this.artifacts = list(run['artifacts'])
  }

  /** A `location` of SARIF; null for what lies elsewhere or has no place in a file. */
  read(location: unknown): Location | null {
    const physical = object(object(location)['physicalLocation'])
    const path = this.path(object(physical['artifactLocation']))
    if (path === null) return null
    const region = object(physical['region'])
    const line = whole(region['startLine'], 1)
    const column = whole(region['startColumn'], 1)
    const endLine = Math.max(line, whole(region['endLine'], line))
    const endColumn = whole(region['endColumn'], endLine === line ? column + 1 : 1)
    return {
      path,
      line,
      column,
      endLine,
      endColumn: endLine === line ? Math.max(column, endColumn) : endColumn,
    }
  }

  /** A path below the folder, with `/`. */
  private path(given: Json): string | null {
    const known = given['uri'] === undefined ? object(at(this.artifacts, given['index'])['location']) : given
    const uri = known['uri']
    if (typeof uri !== 'string' || uri === '' || uri.length > MAX_URI) return null
    const key = JSON.stringify([uri, known['uriBaseId']])
    const path = this.known.has(key) ? (this.known.get(key) ?? null) : this.below(uri, known['uriBaseId'])
    this.known.set(key, path)
    return path
  }

  private below(uri: string, base: unknown): string | null {
    const address = joined(uri, this.base(base, MAX_BASES))
    if (address?.startsWith('file:') !== true) return null
    try {
      const below = relative(this.folder, fileURLToPath(address)).replaceAll('\\', '/')
      return below === '' || isAbsolute(below) || below.split('/').includes('..') || below.includes('\0')
        ? null
        : below
    } catch {
      return null
    }
  }

  /**
   * The address that a base stands for. A base that is not told is the folder, and so is a source root that is a
   * checkout on another machine: what lies below it has the same names here.
   */
  private base(id: unknown, left: number): string {
    if (typeof id !== 'string' || left === 0 || !Object.hasOwn(this.bases, id)) return this.root
    const { uri, uriBaseId } = object(this.bases[id])
    if (typeof uri !== 'string' || uri.length > MAX_URI) return this.base(uriBaseId, left - 1)
    const slashed = uri.endsWith('/') ? uri : `${uri}/`
    const address = joined(slashed, this.base(uriBaseId, left - 1)) ?? this.root
    const related = address.startsWith(this.root) || this.root.startsWith(address)
    return related || !/src|source|project|repo|work|root/i.test(id) ? address : this.root
  }
}

function joined(uri: string, base: string): string | null {
  // A bare name with `?` or `#` is a file that was not encoded: addresses of sources have no queries.
  const safe = /^[a-z][a-z\d+.-]*:/i.test(uri) ? uri : uri.replaceAll('?', '%3F').replaceAll('#', '%23')
  return URL.canParse(safe, base) ? new URL(safe, base).href : null
}
