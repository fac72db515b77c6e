/** What opens the harness, its store, or what is sealed in it. */
const OURS: ReadonlySet<string> = new Set([
  'BELAY_TOKEN',
  'BELAY_URL',
  'BELAY_DATABASE_URL',
  'BELAY_MASTER_KEY',
  // Of whoever started this command as a child of theirs.
  'NODE_CHANNEL_FD',
])

/** The environment of this command for a program that is not ours, without what opens the harness. */
export function handedOn(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment))
    if (value !== undefined && !OURS.has(name)) env[name] = value
  return env
}
