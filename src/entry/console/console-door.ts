import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'

/** The first parts of the addresses of pages, as console/src/routes.tsx has them. */
export const PAGES = [
  'agents',
  'alarms',
  'approvals',
  'actions',
  'sessions',
  'spend',
  'budgets',
  'policy',
  'ledger',
  'prompts',
  'settings',
] as const

/** Both from source and from what is built, three folders up lies the package. */
const BUILT = join(import.meta.dirname, '../../../dist/console')

/**
 * Serves the console's files: its one page at every address that leads to a page of it, and what that loads below
 * `/assets`. Everybody may have them; who is logged in is told by `/v1/me`, because the cookie of a log-in does not
 * come along when somebody follows a link from elsewhere.
 */
export function consoleDoor({ folder = BUILT }: { readonly folder?: string } = {}): (
  app: FastifyInstance,
) => void {
  const options = { config: { access: 'public' }, schema: { hide: true } } as const
  // Loaded with the first request: a harness that nobody looks at starts without it.
  const files = () => import('./serve-files.ts')
  return (app) => {
    // Few routes with a pattern instead of two for each page: each costs time at the start.
    const page = `/:page(^(?:${PAGES.join('|')})$)`
    for (const path of ['/', page, `${page}/*`]) {
      app.get(path, options, async (_request, reply) => (await files()).sendPage(reply, folder))
    }
    app.get<{ Params: { name: string } }>('/assets/:name', options, async (request, reply) =>
      (await files()).sendAsset(request, reply, join(folder, 'assets'), request.params.name),
    )
  }
}
