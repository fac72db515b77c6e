import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DASHBOARDS } from './dashboards.ts'
import { grafanaModel } from './panels.ts'

// npm run build:dashboards: writes each dashboard as the file that Grafana imports.
for (const dashboard of DASHBOARDS)
  writeFileSync(
    join(import.meta.dirname, `${dashboard.uid}.json`),
    `${JSON.stringify(grafanaModel(dashboard), null, 2)}\n`,
  )
