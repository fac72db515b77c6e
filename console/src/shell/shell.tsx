import { useQuery } from '@tanstack/react-query'
import { Outlet, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { beginLive, useLiveState } from '../api/live.ts'
import { meQuery } from '../api/queries.ts'
import { Loading, Answer } from '../parts/states.tsx'
import { Toast } from '../parts/toast.tsx'
import { AccountMenu } from './account-menu.tsx'
import { AgentsState, ConnectionState } from './states.tsx'
import { BottomNavigation, Navigation } from './navigation.tsx'
import './shell.css'

/** What is around every page. Nothing is asked before it is known who is logged in. */
export function Shell() {
  const me = useQuery(meQuery)
  if (me.data === undefined)
    return (
      <div className="shell-wait">
        {me.isPending ? <Loading /> : <Answer query={me}>{() => null}</Answer>}
      </div>
    )
  return <LoggedIn />
}

function LoggedIn() {
  useEffect(beginLive, [])
  const main = useFocusOnPage()
  const live = useLiveState()
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className="shell-bar">
        <span className="brand">
          <img src="/assets/belay.svg" alt="" width="24" height="24" />
          Belay
        </span>
        <div className="shell-states">
          <AgentsState />
          <ConnectionState />
          <AccountMenu />
        </div>
      </header>
      <Navigation />
      <main id="main" ref={main} tabIndex={-1}>
        {live === 'lost' && (
          <p className="shell-lost" role="alert">
            The connection to Belay is lost. What you see may be old; it is renewed when Belay answers again.
          </p>
        )}
        <Outlet />
      </main>
      <BottomNavigation />
      <Toast />
    </div>
  )
}

/** Going to another page moves the focus there, as loading it would. */
function useFocusOnPage() {
  const main = useRef<HTMLElement>(null)
  const page = useRouterState({ select: ({ location }) => location.pathname.split('/', 2)[1] })
  const before = useRef(page)
  useEffect(() => {
    if (before.current === page) return
    before.current = page
    main.current?.focus({ preventScroll: true })
  }, [page])
  return main
}
