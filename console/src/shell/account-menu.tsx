import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { logOut } from '../api/call.ts'
import { sentenceOf } from '../api/problem.ts'
import { meQuery } from '../api/queries.ts'
import { Button } from '../parts/button.tsx'
import { Icon } from '../parts/icon.tsx'
import { Menu, MenuChoice, MenuItem, MenuLine, MenuSwitch } from '../parts/menu.tsx'
import { useShortcutsEnabled } from '../parts/shortcuts.ts'
import { say } from '../parts/toast.tsx'
import { applyTheme, storedTheme } from './theme.ts'

/** Who is logged in, what the page looks like, and the way out. */
export function AccountMenu() {
  const { data: me } = useQuery(meQuery)
  const [theme, setTheme] = useState(storedTheme)
  const [shortcuts, setShortcuts] = useShortcutsEnabled()
  const leaving = useMutation({ mutationFn: logOut, onError: (error) => say(sentenceOf(error)) })
  return (
    <Menu
      trigger={
        <Button kind="quiet" aria-label={`Account: ${me?.by ?? ''}`} className="account">
          <Icon name="person" />
          <span className="account-name">{me?.by}</span>
        </Button>
      }
    >
      <div className="account-who">
        <strong>{me?.by}</strong>
        <span className="soft small">{me?.roles.join(', ')}</span>
      </div>
      <MenuLine />
      <MenuChoice
        label="Theme"
        value={theme}
        options={[
          ['system', "The system's"],
          ['light', 'Light'],
          ['dark', 'Dark'],
        ]}
        onChange={(next) => {
          setTheme(next)
          applyTheme(next)
        }}
      />
      <MenuLine />
      <MenuSwitch checked={shortcuts} onChange={setShortcuts}>
        Keys of one letter
      </MenuSwitch>
      <MenuLine />
      <MenuItem onClick={() => leaving.mutate()}>Log out</MenuItem>
    </Menu>
  )
}
