import { lazy, Suspense, useEffect, useState } from 'react'
import type { ReactNode } from 'react'

export interface DialogProps {
  readonly open: boolean
  readonly onClose: () => void
  readonly title: string
  readonly intro?: ReactNode
  readonly children: ReactNode
  readonly wide?: boolean
}

const load = async () => import('./dialog-frame.tsx')
const Frame = lazy(load)

/** Something that must be answered before one goes on. Escape and the close button answer no. */
export function Dialog(props: DialogProps) {
  const [opened, setOpened] = useState(props.open)
  useEffect(() => {
    // Not needed for the page to stand, but at once when somebody asks for it.
    const timer = setTimeout(() => void load().catch(() => undefined), 2_000)
    return () => clearTimeout(timer)
  }, [])
  if (props.open && !opened) setOpened(true)
  if (!opened) return null
  return (
    <Suspense
      fallback={
        // What is typed before it is there must not reach the page as shortcuts.
        <div role="dialog" hidden />
      }
    >
      <Frame {...props} />
    </Suspense>
  )
}

/** The row of buttons at the end of a dialog or a form. */
export function DialogButtons({ children }: { readonly children: ReactNode }) {
  return <div className="dialog-buttons">{children}</div>
}
