import { sentenceOf } from '../api/problem.ts'
import { Button, ButtonLink } from '../parts/button.tsx'
import { Page } from '../parts/page.tsx'
import { EmptyState } from '../parts/states.tsx'

export function NotFound() {
  return (
    <Page title="Nothing is here">
      <EmptyState title="This address leads nowhere.">
        <ButtonLink to="/">Go to the overview</ButtonLink>
      </EmptyState>
    </Page>
  )
}

/** A page that threw, or whose code is gone because Belay was updated meanwhile. */
export function Broken({ error }: { readonly error: unknown }) {
  return (
    <Page title="This page is broken">
      <EmptyState title={sentenceOf(error)}>
        <Button onClick={() => location.reload()}>Load it again</Button>
      </EmptyState>
    </Page>
  )
}
