import type { RequestChanges } from '../model-call.ts'
import type { RouteMatch } from './wire-format.ts'

/**
 * The model and the method of `…/models/{model}:{method}`; also `/tunedModels/…` and `/publishers/{name}/models/…`.
 * The model is named without its folder, but a tuned model with it: `tunedModels/mine`. `undefined` for other paths.
 */
export function readGeminiPath(path: string): { model: string; method: string } | undefined {
  const decoded = path.includes('%') ? decodedOrEmpty(path) : path
  const slash = decoded.lastIndexOf('/')
  const colon = decoded.indexOf(':', slash)
  if (colon === -1) return undefined
  const model = modelIn(decoded.slice(0, slash), decoded.slice(slash + 1, colon))
  return model === undefined ? undefined : { model, method: decoded.slice(colon + 1) }
}

export function matchGemini(method: string, path: string, geminiMethod: string): RouteMatch | undefined {
  if (method !== 'POST') return undefined
  const read = readGeminiPath(path)
  return read?.method === geminiMethod ? { model: read.model } : undefined
}

/** The model of `…/models/{model}`, as `readGeminiPath` names it. */
export function modelIn(folder: string, name: string): string | undefined {
  if (name === '') return undefined
  if (folder === '/models' || PUBLISHER.test(folder)) return name
  return folder === '/tunedModels' ? `tunedModels/${name}` : undefined
}

/** The name as bodies and paths give it: with its folder. */
export function resourceName(model: string): string {
  return model.includes('/') ? model : `models/${model}`
}

/** The path with another model; a publisher's folder stays. */
export function rewriteGeminiPath(path: string, changes: RequestChanges): string {
  const read = changes.model === undefined ? undefined : readGeminiPath(path)
  if (read === undefined || changes.model === undefined || changes.model === read.model) return path
  const folder = path.slice(0, path.lastIndexOf('/'))
  const [tuned, name] = changes.model.startsWith('tunedModels/')
    ? [true, changes.model.slice('tunedModels/'.length)]
    : [false, changes.model]
  const target = tuned ? '/tunedModels' : PUBLISHER.test(folder) ? folder : '/models'
  return `${target}/${encodeURIComponent(name)}:${read.method}`
}

const PUBLISHER = /^\/publishers\/[\w-]+\/models$/

function decodedOrEmpty(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return ''
  }
}
