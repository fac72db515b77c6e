import { useRouter } from '@tanstack/react-router'
import { useEffect, useId, useRef } from 'react'
import type { ReactNode } from 'react'
import { Button } from './button.tsx'
import type { ButtonProps } from './button.tsx'
import './popover.css'

/**
 * Something that a button opens beside the page: the browser's own popover, closed by Escape, by a click elsewhere, and
 * by following a link in it. Where it stands is for `className` to say.
 */
export function Popover({
  label,
  className,
  button,
  children,
}: {
  /** What is in it, for screen readers. */
  readonly label: string
  readonly className: string
  readonly button: ButtonProps
  readonly children: ReactNode
}) {
  const id = useId()
  const panel = useRef<HTMLDivElement>(null)
  const router = useRouter()
  useEffect(() => router.subscribe('onBeforeNavigate', () => panel.current?.hidePopover()), [router])
  return (
    <>
      <Button {...button} popoverTarget={id} />
      <div
        ref={panel}
        id={id}
        popover="auto"
        role="group"
        aria-label={label}
        className={`popover ${className}`}
      >
        {children}
      </div>
    </>
  )
}
