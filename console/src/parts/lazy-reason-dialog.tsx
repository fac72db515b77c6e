import { lazy, Suspense } from 'react'
import type { ComponentProps } from 'react'

const Loaded = lazy(async () => ({ default: (await import('./reason-dialog.tsx')).ReasonDialog }))

/** `ReasonDialog`, whose code is loaded when it is first opened: pages that everybody sees stay light. */
export function LazyReasonDialog(props: ComponentProps<typeof Loaded>) {
  return (
    <Suspense fallback={null}>
      <Loaded {...props} />
    </Suspense>
  )
}
