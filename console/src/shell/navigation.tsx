import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { meQuery, openAlarmsQuery, pendingApprovalsQuery } from '../api/queries.ts'
import type { PageOf } from '../api/answers.ts'
import { Icon } from '../parts/icon.tsx'
import type { IconName } from '../parts/icon.tsx'
import { Popover } from '../parts/popover.tsx'

const PAGES = [
  { to: '/', name: 'Overview', icon: 'overview' },
  { to: '/approvals', name: 'Approvals', icon: 'approvals' },
  { to: '/alarms', name: 'Alarms', icon: 'alarms' },
  { to: '/actions', name: 'Actions', icon: 'actions' },
  { to: '/sessions', name: 'Sessions', icon: 'sessions' },
  { to: '/spend', name: 'Spend', icon: 'spend' },
  { to: '/budgets', name: 'Budgets', icon: 'budgets' },
  { to: '/prompts', name: 'Prompts & models', icon: 'prompts' },
  { to: '/policy', name: 'Policy', icon: 'policy', apart: true },
  { to: '/ledger', name: 'Ledger', icon: 'ledger' },
  { to: '/settings', name: 'Settings', icon: 'settings' },
] as const satisfies readonly { to: string; name: string; icon: IconName; apart?: boolean }[]

type Destination = (typeof PAGES)[number]

const ON_PHONES = ['/', '/approvals', '/alarms', '/actions'] as const

function PageLink({ to, name, icon }: Destination) {
  return (
    <Link to={to} activeOptions={{ exact: to === '/', includeSearch: false }} className="nav-link">
      <Icon name={icon} />
      {name}
      {to === '/approvals' && <Waiting />}
      {to === '/alarms' && <OpenAlarms />}
    </Link>
  )
}

/** How many actions wait for a person. */
function Waiting() {
  const { data: me } = useQuery(meQuery)
  const { data } = useQuery({ ...pendingApprovalsQuery, enabled: me !== undefined })
  return <NavCount page={data} of="waiting" />
}

function OpenAlarms() {
  const { data: me } = useQuery(meQuery)
  const { data } = useQuery({ ...openAlarmsQuery, enabled: me !== undefined })
  return <NavCount page={data} of="open" />
}

function NavCount({ page, of }: { readonly page: PageOf<unknown> | undefined; readonly of: string }) {
  const count = page?.items.length ?? 0
  if (count === 0) return null
  return (
    <span className="nav-count figures">
      {page?.next === null ? count : `${count}+`}
      <span className="unseen"> {of}</span>
    </span>
  )
}

export function Navigation() {
  return (
    <nav className="nav" aria-label="Pages">
      <ul>
        {PAGES.map((page) => (
          <li key={page.to} className={'apart' in page ? 'nav-apart' : undefined}>
            <PageLink {...page} />
          </li>
        ))}
      </ul>
    </nav>
  )
}

/** On a phone: four pages within reach of the thumb, the others behind a menu. */
export function BottomNavigation() {
  const [near, far] = [true, false].map((isNear) =>
    PAGES.filter(({ to }) => (ON_PHONES as readonly string[]).includes(to) === isNear),
  ) as [Destination[], Destination[]]
  return (
    <nav className="bottom-nav" aria-label="Pages">
      <ul>
        {near.map((page) => (
          <li key={page.to}>
            <PageLink {...page} />
          </li>
        ))}
        <li>
          <Popover
            label="More pages"
            className="nav-others"
            button={{
              kind: 'quiet',
              className: 'nav-link nav-more',
              children: (
                <>
                  <Icon name="more" />
                  More
                </>
              ),
            }}
          >
            {far.map((page) => (
              <PageLink key={page.to} {...page} />
            ))}
          </Popover>
        </li>
      </ul>
    </nav>
  )
}
