import { useQuery } from '@tanstack/react-query'
import { meQuery } from '../../api/queries.ts'
import { Page } from '../../parts/page.tsx'
import { EraseSection } from './erase.tsx'
import { ExportSection } from './export.tsx'
import { HeadSection } from './head.tsx'
import { ProofSection } from './proof.tsx'
import { VerifySection } from './verify.tsx'
import './ledger.css'

export function LedgerPage() {
  const { data: me } = useQuery(meQuery)
  const has = (permission: 'audit' | 'erase') => me?.permissions.includes(permission) === true
  return (
    <Page
      title="Ledger"
      intro="Everything that agents did and people decided, in order. Each record holds the digest of the one before, so that a change, a cut or a reordering shows."
    >
      <HeadSection />
      {has('audit') && <VerifySection />}
      <ProofSection />
      {has('audit') && <ExportSection />}
      {has('erase') && <EraseSection />}
    </Page>
  )
}
