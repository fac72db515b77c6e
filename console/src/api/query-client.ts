import { QueryClient } from '@tanstack/react-query'
import { Problem } from './problem.ts'

/** Everything that was asked lately. What the ledger says of changes arrives by itself (`live.ts`). */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      gcTime: 300_000,
      retry: (failures, error) => failures < 2 && !(error instanceof Problem && error.status < 500),
      retryDelay: (failures) => Math.min(500 * 2 ** failures, 5_000),
    },
    // A change is never sent twice unasked.
    mutations: { retry: false },
  },
})
