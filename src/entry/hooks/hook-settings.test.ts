import { expect, test } from 'vitest'
import { HOOK_SETTINGS } from './hook-settings.ts'

const COMMAND = '/usr/bin/node /x/bin/belay-hook.js some --data /y || exit 2'

test.each(HOOK_SETTINGS.map((settings) => [settings.kind, settings] as const))(
  '%s: installed twice is installed once, and uninstalled leaves nothing',
  (_kind, settings) => {
    const once = settings.install(null, COMMAND)
    expect(once).toContain('belay-hook.js')
    expect(settings.install(once, COMMAND)).toBe(once)
    expect(settings.install(once, COMMAND.replace('/y', '/z'))).not.toContain('/y')
    expect(settings.uninstall(once)).toBeNull()
  },
)

test('what others have put there stays', () => {
  const settings = HOOK_SETTINGS.find(({ kind }) => kind === 'claude-code')!
  const theirs = {
    permissions: { allow: ['Read'] },
    hooks: {
      PreToolUse: [{ matcher: 'Bash', hooks: [{ type: 'command', command: './check.sh' }] }],
      Stop: [],
    },
  }
  const text = `${JSON.stringify(theirs, null, 2)}\n`
  const ours = settings.install(text, COMMAND)
  expect(JSON.parse(ours).hooks.PreToolUse).toHaveLength(2)
  expect(JSON.parse(ours).permissions).toEqual(theirs.permissions)
  expect(settings.uninstall(ours)).toBe(`${JSON.stringify({ ...theirs }, null, 2)}\n`)
})

test.each(['[]', '{"hooks": []}', '{"hooks": {"PreToolUse": {}}}', '{'])(
  'settings that cannot be read are not touched: %s',
  (text) => {
    expect(() => HOOK_SETTINGS[0]!.install(text, COMMAND)).toThrow(/not a|JSON/)
  },
)
