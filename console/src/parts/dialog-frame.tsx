import { Dialog as Base } from '@base-ui/react/dialog'
import { useRef } from 'react'
import { Button } from './button.tsx'
import type { DialogProps } from './dialog.tsx'
import './dialog.css'

/** The dialog itself, by Base UI. */
export default function DialogFrame({ open, onClose, title, intro, children, wide = false }: DialogProps) {
  const popup = useRef<HTMLDivElement>(null)
  return (
    <Base.Root open={open} onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="dialog-backdrop" />
        <Base.Popup
          ref={popup}
          className={wide ? 'dialog dialog-wide' : 'dialog'}
          // What there is to fill in comes first; under a finger that would open the keyboard over the text.
          initialFocus={(by) =>
            (by === 'touch' ? null : popup.current?.querySelector<HTMLElement>('textarea, input, select')) ??
            true
          }
        >
          <header className="dialog-head">
            <Base.Title className="dialog-title">{title}</Base.Title>
            <Base.Close
              render={
                <Button kind="quiet" size="small" aria-label="Close">
                  ✕
                </Button>
              }
            />
          </header>
          {intro !== undefined && <Base.Description className="soft">{intro}</Base.Description>}
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}
