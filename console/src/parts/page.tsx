import { useEffect } from 'react'
import type { ReactNode } from 'react'
import { classes } from './class-names.ts'
import './page.css'

/** One page: its heading, what can be done on it, and what is in it. Names the tab of the browser too. */
export function Page({
  title,
  intro,
  actions,
  children,
  wide = false,
}: {
  readonly title: string
  /** One sentence under the heading. */
  readonly intro?: ReactNode
  /** Buttons beside the heading. */
  readonly actions?: ReactNode
  readonly children: ReactNode
  /** Takes the whole width of the window. */
  readonly wide?: boolean
}) {
  useEffect(() => {
    document.title = `${title} · Belay`
  }, [title])
  return (
    <div className={classes('page', wide && 'page-wide')}>
      <header className="page-head">
        <div>
          <h1>{title}</h1>
          {intro !== undefined && <p className="soft">{intro}</p>}
        </div>
        {actions !== undefined && <div className="row">{actions}</div>}
      </header>
      {children}
    </div>
  )
}

/** A part of a page with a heading of its own. `framed` puts it on a surface. */
export function Section({
  title,
  actions,
  children,
  framed = true,
}: {
  readonly title?: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
  readonly framed?: boolean
}) {
  return (
    <section className={classes('section', framed && 'section-framed')}>
      {(title !== undefined || actions !== undefined) && (
        <header className="section-head">
          {title !== undefined && <h2>{title}</h2>}
          {actions !== undefined && <div className="row">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  )
}
