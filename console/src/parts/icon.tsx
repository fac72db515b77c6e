const PATHS = {
  overview: 'M3 12h4l3-8 4 16 3-8h4',
  approvals: 'M4 12.5 9 17.5 20 6.5',
  actions: 'M4 6h16M4 12h16M4 18h10',
  sessions: 'M5 4v12a3 3 0 0 0 3 3h4M5 9h7M12 6h8v6h-8zM12 16h8v6h-8z',
  budgets: 'M12 3a9 9 0 1 0 9 9h-9zM16 3.5A9 9 0 0 1 20.5 8H16z',
  policy: 'M12 3 5 6v6c0 4.5 3 7.5 7 9 4-1.5 7-4.5 7-9V6z',
  ledger: 'M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM9 9h6M9 13h6',
  prompts: 'M4 5h16v11H9l-5 4z',
  alarms: 'M6 16v-5a6 6 0 0 1 12 0v5l2 2H4zM10 21h4',
  spend: 'M4 4v16h16M8 16v-4M12 16V7M16 16v-6',
  settings: 'M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 21a8 8 0 0 1 16 0',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 5l12 7-12 7z',
  stop: 'M6 6h12v12H6z',
  warning: 'M12 4 2.5 20h19zM12 10v4M12 17h.01',
} as const

export type IconName = keyof typeof PATHS

/** A picture beside a word; never instead of one. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg
      width="18"
      height="18"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  )
}
