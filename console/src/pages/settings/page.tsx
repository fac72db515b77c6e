import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useEffect } from 'react'
import { meQuery } from '../../api/queries.ts'
import type { Me } from '../../api/answers.ts'
import { Page } from '../../parts/page.tsx'
import { Tabs } from '../../parts/tabs.tsx'
import type { Tab } from '../../parts/tabs.tsx'
import { AbsencesSection } from './absences.tsx'
import { BrowserSection } from './browser.tsx'
import { ChannelsSection } from './channels.tsx'
import { KeysSection } from './keys.tsx'
import { LoginsSection } from './logins.tsx'
import { PeopleSection } from './people.tsx'
import { StandingSection } from './standing.tsx'
import './settings.css'

type SectionName = 'browser' | 'logins' | 'people' | 'keys' | 'channels' | 'standing'

/** What somebody may not do is not shown to them; who may is said by the server all the same. */
function sectionsFor({ permissions, by }: Me): readonly Tab<SectionName>[] {
  const has = (permission: Me['permissions'][number]) => permissions.includes(permission)
  const tabs: (Tab<SectionName> | false)[] = [
    has('keys') && { value: 'keys', label: 'Agent keys', content: <KeysSection /> },
    has('people') && { value: 'people', label: 'People & roles', content: <PeopleSection /> },
    { value: 'logins', label: 'Log-ins', content: <LoginsSection everybody={has('people')} /> },
    has('people') && { value: 'channels', label: 'Channels', content: <ChannelsSection /> },
    {
      value: 'standing',
      label: 'Standing approvals & absences',
      content: (
        <div className="stack">
          <StandingSection mayDecide={has('approve')} mayRevoke={has('approve') || has('operate')} />
          <AbsencesSection me={by} mayDecide={has('approve')} />
        </div>
      ),
    },
    { value: 'browser', label: 'This browser', content: <BrowserSection /> },
  ]
  return tabs.filter((tab) => tab !== false)
}

export function SettingsPage() {
  const { data: me } = useQuery(meQuery)
  const { section } = useParams({ strict: false })
  const navigate = useNavigate()
  // On a phone the tabs are wider than the page.
  useEffect(() => {
    document
      .querySelector('[role=tab][aria-selected=true]')
      ?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
    // Another tab is the selected one then.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [section, me])
  if (me === undefined) return null
  const tabs = sectionsFor(me)
  const value = tabs.find((tab) => tab.value === section)?.value ?? tabs[0]!.value
  return (
    <Page
      title="Settings"
      intro="Roles, approvers, channels and budgets belong to the policy's file; what is done here is a record in the ledger."
    >
      <Tabs
        label="Settings"
        tabs={tabs}
        value={value}
        onChange={(next) => void navigate({ to: '/settings/$section', params: { section: next } })}
      />
    </Page>
  )
}
