import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { send } from '../../api/call.ts'
import { sentenceOf } from '../../api/problem.ts'
import { meQuery } from '../../api/queries.ts'
import { Button } from '../../parts/button.tsx'
import { Dialog, DialogButtons } from '../../parts/dialog.tsx'
import { Checkbox, Field, TextInput } from '../../parts/field.tsx'
import { ErrorNote, Note } from '../../parts/states.tsx'
import { ROLES } from './queries.ts'
import type { Role } from './queries.ts'
import { SecretOnce } from './secret-once.tsx'

const MAY: Readonly<Record<Role, string>> = {
  viewer: 'look at everything',
  operator: 'pause, undo, cancel',
  approver: 'decide',
  auditor: 'export, verify, erase',
  admin: 'keys and people',
}

/** A link that logs somebody in, once, within ten minutes. */
export function LinkDialog({
  open,
  onClose,
  onMade,
}: {
  readonly open: boolean
  readonly onClose: () => void
  readonly onMade: () => Promise<void>
}) {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title="New log-in link"
      intro="For somebody whom the identity provider does not know. It works once, within ten minutes."
    >
      <LinkForm {...{ onClose, onMade }} />
    </Dialog>
  )
}

function LinkForm({
  onClose,
  onMade,
}: {
  readonly onClose: () => void
  readonly onMade: () => Promise<void>
}) {
  const { data: me } = useQuery(meQuery)
  const [name, setName] = useState('')
  const [roles, setRoles] = useState<readonly Role[]>(['viewer'])
  const [tried, setTried] = useState(false)
  const making = useMutation({
    mutationFn: () =>
      send<{ url: string; by: string }>('POST', '/v1/login-links', { for: name.trim(), roles }),
    onSuccess: onMade,
  })
  if (making.data !== undefined)
    return (
      <div className="stack">
        <Note tone="warn">
          Whoever opens it first is logged in as {making.data.by}: send it where only they read.
        </Note>
        <SecretOnce secret={making.data.url} label={`Log-in link for ${making.data.by}`} />
        <DialogButtons>
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </DialogButtons>
      </div>
    )
  const nameError = tried && name.trim() === '' ? 'Say whom it is for.' : undefined
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault()
        setTried(true)
        if (name.trim() !== '' && roles.length > 0 && !making.isPending) making.mutate()
      }}
    >
      <Field label="For whom" help="An e-mail address, as records will name them." error={nameError}>
        <TextInput
          value={name}
          maxLength={200}
          autoComplete="off"
          inputMode="email"
          onChange={(event) => setName(event.target.value)}
        />
      </Field>
      <fieldset className="settings-roles">
        <legend>Roles</legend>
        {ROLES.filter((role) => role !== 'approver' && (role === 'viewer' || me?.roles.includes(role))).map(
          (role) => (
            <Checkbox
              key={role}
              label={
                <>
                  {role} <span className="soft small">({MAY[role]})</span>
                </>
              }
              checked={roles.includes(role)}
              onChange={(event) =>
                setRoles(
                  ROLES.filter((each) => (each === role ? event.target.checked : roles.includes(each))),
                )
              }
            />
          ),
        )}
      </fieldset>
      {tried && roles.length === 0 && <ErrorNote>Choose at least one role.</ErrorNote>}
      <p className="soft small">
        You give no more than you have yourself, and never the right to decide: for an approver, whoever has
        the admin token runs <code>belay login --as NAME --role approver</code>.
      </p>
      {making.error !== null && <ErrorNote>{sentenceOf(making.error)}</ErrorNote>}
      <DialogButtons>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={making.isPending}>
          Make the link
        </Button>
      </DialogButtons>
    </form>
  )
}
