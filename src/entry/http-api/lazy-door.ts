import type { RawDoor } from './raw-door.ts'

/**
 * A door whose code is loaded with its first request: an idle harness starts faster and stays smaller without it.
 * `serves` must tell by itself what the door serves.
 */
export function lazyDoor(
  serves: RawDoor['serves'],
  open: () => Promise<RawDoor>,
  onFault: (error: unknown) => void,
): RawDoor {
  let door: RawDoor | undefined
  let opening: Promise<RawDoor> | undefined
  return {
    serves,
    handle(request, response) {
      if (door !== undefined) {
        door.handle(request, response)
        return
      }
      opening ??= open()
      opening.then(
        (opened) => {
          door = opened
          // Whoever has left meanwhile is not called for.
          if (!response.destroyed) opened.handle(request, response)
        },
        (error: unknown) => {
          // The next request tries again.
          opening = undefined
          onFault(error)
          response.destroy()
        },
      )
    },
    async close() {
      await (await opening?.catch(() => undefined))?.close()
    },
  }
}
