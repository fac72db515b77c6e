import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { Broken, NotFound } from './shell/broken.tsx'
import { Shell } from './shell/shell.tsx'

/** Every value in the query is text, as it stands in the address: `?agent=writer&state=held`. */
export type Search = Readonly<Record<string, string>>

const root = createRootRoute({
  validateSearch: (search: Search): Search => search,
  component: Shell,
  notFoundComponent: NotFound,
  errorComponent: Broken,
})

const route = <P extends string>(path: P) => ({ getParentRoute: () => root, path })

// The list and the detail are one page: going from one to the other keeps both as they are.
const approvals = createRoute({
  ...route('/approvals'),
  component: lazyRouteComponent(() => import('./pages/approvals/page.tsx'), 'ApprovalsPage'),
})
const actions = createRoute({
  ...route('/actions'),
  component: lazyRouteComponent(() => import('./pages/actions/page.tsx'), 'ActionsPage'),
})

// One line an address; the code of a page is loaded when somebody goes there. The server answers the same first
// parts: src/entry/console/console-door.ts.
const routes = [
  createRoute({
    ...route('/'),
    component: lazyRouteComponent(() => import('./pages/overview/page.tsx'), 'OverviewPage'),
  }),
  approvals.addChildren([createRoute({ getParentRoute: () => approvals, path: '$id' })]),
  actions.addChildren([createRoute({ getParentRoute: () => actions, path: '$id' })]),
  createRoute({
    ...route('/sessions'),
    component: lazyRouteComponent(() => import('./pages/sessions/page.tsx'), 'SessionsPage'),
  }),
  createRoute({
    ...route('/sessions/$id'),
    component: lazyRouteComponent(() => import('./pages/sessions/page.tsx'), 'SessionsPage'),
  }),
  createRoute({
    ...route('/alarms'),
    component: lazyRouteComponent(() => import('./pages/alarms/page.tsx'), 'AlarmsPage'),
  }),
  createRoute({
    ...route('/alarms/$id'),
    component: lazyRouteComponent(() => import('./pages/alarms/page.tsx'), 'AlarmsPage'),
  }),
  createRoute({
    ...route('/agents'),
    component: lazyRouteComponent(() => import('./pages/overview/page.tsx'), 'OverviewPage'),
  }),
  createRoute({
    ...route('/agents/$name'),
    component: lazyRouteComponent(() => import('./pages/agents/page.tsx'), 'AgentPage'),
  }),
  createRoute({
    ...route('/spend'),
    component: lazyRouteComponent(() => import('./pages/spend/page.tsx'), 'SpendPage'),
  }),
  createRoute({
    ...route('/budgets'),
    component: lazyRouteComponent(() => import('./pages/budgets/page.tsx'), 'BudgetsPage'),
  }),
  createRoute({
    ...route('/policy'),
    component: lazyRouteComponent(() => import('./pages/policy/page.tsx'), 'PolicyPage'),
  }),
  createRoute({
    ...route('/ledger'),
    component: lazyRouteComponent(() => import('./pages/ledger/page.tsx'), 'LedgerPage'),
  }),
  createRoute({
    ...route('/prompts'),
    component: lazyRouteComponent(() => import('./pages/prompts/page.tsx'), 'PromptsPage'),
  }),
  createRoute({
    ...route('/prompts/$name'),
    component: lazyRouteComponent(() => import('./pages/prompts/page.tsx'), 'PromptsPage'),
  }),
  createRoute({
    ...route('/settings'),
    component: lazyRouteComponent(() => import('./pages/settings/page.tsx'), 'SettingsPage'),
  }),
  createRoute({
    ...route('/settings/$section'),
    component: lazyRouteComponent(() => import('./pages/settings/page.tsx'), 'SettingsPage'),
  }),
] as const

export const router = createRouter({
  routeTree: root.addChildren(routes),
  defaultPreload: 'intent',
  scrollRestoration: true,
  parseSearch: (text): Search => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const text = new URLSearchParams(
      Object.entries(search).flatMap(([name, value]) =>
        value === undefined || value === null || value === '' ? [] : [[name, String(value)]],
      ),
    ).toString()
    return text === '' ? '' : `?${text}`
  },
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
