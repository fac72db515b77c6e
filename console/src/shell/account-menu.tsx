import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { logOut } from '../api/call.ts'
import { sentenceOf } from '../api/problem.ts'
import { meQuery } from '../api/queries.ts'
import { Button } from '../parts/button.tsx'
import { Checkbox } from '../parts/field.tsx'
import { Icon } from '../parts/icon.tsx'
import { Popover } from '../parts/popover.tsx'
import { useShortcutsEnabled } from '../parts/shortcuts.ts'
import { say } from '../parts/toast.tsx'
import { applyTheme, storedTheme } from './theme.ts'

const THEMES = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
] as const

/** Who is logged in, what the page looks like, and the way out. */
export function AccountMenu() {
  const { data: me } = useQuery(meQuery)
  const [theme, setTheme] = useState(storedTheme)
  const [shortcuts, setShortcuts] = useShortcutsEnabled()
  const leaving = useMutation({ mutationFn: logOut, onError: (error) => say(sentenceOf(error)) })
  return (
    <Popover
      label="Account"
      className="account-panel"
      button={{
        kind: 'quiet',
        className: 'account',
        'aria-label': `Account: ${me?.by ?? ''}`,
        children: (
          <>
            <Icon name="person" />
            <span className="account-name">{me?.by}</span>
          </>
        ),
      }}
    >
      <div className="account-who">
        <strong>{me?.by}</strong>
        <span className="soft small">{me?.roles.join(', ')}</span>
      </div>
      <fieldset>
        <legend>Theme</legend>
        {THEMES.map(([value, text]) => (
          <Checkbox
            key={value}
            type="radio"
            name="theme"
            label={text}
            checked={theme === value}
            onChange={() => {
              setTheme(value)
              applyTheme(value)
            }}
          />
        ))}
      </fieldset>
      <div className="account-who">
        <Checkbox
          label="Shortcuts of one key"
          checked={shortcuts}
          onChange={(event) => setShortcuts(event.target.checked)}
        />
      </div>
      <div>
        <Button kind="quiet" busy={leaving.isPending} onClick={() => leaving.mutate()}>
          Log out
        </Button>
      </div>
    </Popover>
  )
}
