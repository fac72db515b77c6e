import { useState } from 'react'
import { classes } from '../../parts/class-names.ts'
import { Checkbox } from '../../parts/field.tsx'
import { Section } from '../../parts/page.tsx'

/** The whole ledger as a file; the browser writes it to disk as it comes. */
export function ExportSection() {
  const [payloads, setPayloads] = useState(false)
  return (
    <Section title="Export">
      <div className="stack">
        <p>The whole ledger, one JSON document a line. It can be verified offline.</p>
        <Checkbox
          label="With inputs and results, which may be personal"
          checked={payloads}
          onChange={(event) => setPayloads(event.target.checked)}
        />
        <div className="row">
          <a
            className={classes('button', 'button-plain')}
            href={`/v1/ledger/export${payloads ? '?payloads=true' : ''}`}
            download="belay-ledger.ndjson"
          >
            Download the ledger
          </a>
        </div>
      </div>
    </Section>
  )
}
