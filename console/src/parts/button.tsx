import { createLink } from '@tanstack/react-router'
import type { AnchorHTMLAttributes, ButtonHTMLAttributes, Ref } from 'react'
import { classes } from './class-names.ts'
import './button.css'

export type ButtonKind = 'plain' | 'primary' | 'danger' | 'quiet'

interface Look {
  /** `primary` at most once a view; `danger` for what cannot be taken back; `quiet` has no frame. */
  readonly kind?: ButtonKind
  readonly size?: 'normal' | 'small'
}

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement>, Look {
  /** While something is under way: cannot be pressed, but keeps the focus. */
  readonly busy?: boolean
  readonly ref?: Ref<HTMLButtonElement>
}

export function Button({
  kind = 'plain',
  size = 'normal',
  busy = false,
  className,
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      aria-disabled={busy || undefined}
      onClick={(event) => {
        if (busy) event.preventDefault()
        else onClick?.(event)
      }}
      className={classes('button', `button-${kind}`, size === 'small' && 'button-small', className)}
    />
  )
}

/** A link that looks like a button: it goes somewhere and changes nothing. */
export const ButtonLink = createLink(function ButtonLink({
  kind = 'plain',
  size = 'normal',
  className,
  children,
  ...rest
}: AnchorHTMLAttributes<HTMLAnchorElement> & Look) {
  return (
    <a
      {...rest}
      className={classes('button', `button-${kind}`, size === 'small' && 'button-small', className)}
    >
      {children}
    </a>
  )
})
