import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { AgentProcess } from '../../api/answers.ts'
import { Badge } from '../../parts/badge.tsx'
import type { Tone } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Code, Facts } from '../../parts/facts.tsx'
import { count, duration } from '../../parts/format.ts'
import { Section } from '../../parts/page.tsx'
import { Answer } from '../../parts/states.tsx'
import { Ago } from '../../parts/values.tsx'
import { bytes, QUOTAS } from './measures.ts'
import { logQuery } from './queries.ts'

const STATES: Readonly<Record<AgentProcess['state'], readonly [Tone, string]>> = {
  starting: ['info', 'starting'],
  running: ['good', 'running'],
  frozen: ['warn', 'frozen: its agent is paused'],
  waiting: ['warn', 'waiting for its next start'],
  ended: ['neutral', 'ended, and not started again'],
  held: ['warn', 'not started: its agent is paused or stopped'],
  elsewhere: ['info', 'runs on another replica'],
}

/** What Belay runs for the agent in a sandbox. */
export function Process({ agent, process }: { readonly agent: string; readonly process: AgentProcess }) {
  const [tone, text] = STATES[process.state] ?? ['neutral', process.state]
  const { usage, last_exit: exit, quotas } = process
  const bounds = QUOTAS.flatMap(([name, word, write]) => {
    const value = quotas[name]
    return value === null ? [] : [`${word.toLowerCase()} ${write(value)}`]
  })
  return (
    <Section
      title={
        <>
          Process <Badge tone={tone}>{text}</Badge>
        </>
      }
    >
      <div className="stack">
        <Facts
          facts={[
            process.running_since === null
              ? undefined
              : ['Began', <Ago key="began" at={process.running_since} />],
            ['Restarts', `${count(process.restarts)} since Belay began`],
            process.next_start_at === null
              ? undefined
              : ['Next start', <Ago key="next" at={process.next_start_at} />],
            process.provider === null
              ? undefined
              : ['Sandbox', `${process.provider}${process.pid === null ? '' : `, process ${process.pid}`}`],
            exit === null
              ? undefined
              : [
                  'Last end',
                  <span key="exit">
                    <Badge tone={exit.cause === 'exited' && exit.code === 0 ? 'neutral' : 'bad'}>
                      {exit.cause.replaceAll('_', ' ')}
                    </Badge>{' '}
                    {exit.code !== null && `exit code ${exit.code} `}
                    {exit.signal !== null && `by ${exit.signal} `}
                    {exit.detail} <Ago at={exit.at} />
                  </span>,
                ],
            usage === null ? undefined : ['Uses', usedOf(usage)],
            ['Quotas', bounds.length === 0 ? 'none' : bounds.join(', ')],
          ]}
        />
        <Log agent={agent} />
      </div>
    </Section>
  )
}

function usedOf(usage: NonNullable<AgentProcess['usage']>): string {
  const parts = [
    usage.memory_bytes !== null &&
      `${bytes(usage.memory_bytes)} of memory${usage.memory_peak_bytes === null ? '' : ` (at most ${bytes(usage.memory_peak_bytes)})`}`,
    usage.cpu_ms !== null && `${duration(usage.cpu_ms)} of processor time`,
    usage.processes !== null && `${usage.processes} ${usage.processes === 1 ? 'process' : 'processes'}`,
    usage.throttled_ms !== null && usage.throttled_ms > 0 && `held back for ${duration(usage.throttled_ms)}`,
    usage.forks_refused !== null && usage.forks_refused > 0 && `${usage.forks_refused} forks refused`,
  ].filter((part) => part !== false)
  return parts.length === 0 ? 'not known' : parts.join(', ')
}

function Log({ agent }: { readonly agent: string }) {
  const [open, setOpen] = useState(false)
  return (
    <div className="stack">
      <div>
        <Button size="small" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Hide what it writes' : 'Show what it writes'}
        </Button>
      </div>
      {open && <LogLines agent={agent} />}
    </div>
  )
}

function LogLines({ agent }: { readonly agent: string }) {
  const log = useQuery(logQuery(agent))
  return (
    <Answer query={log}>
      {(lines) => (
        <Code label={`Log of ${agent}`}>
          {lines.length === 0
            ? 'It has written nothing yet.'
            : lines.map(({ at, stream, text }) => `${at.slice(11, 19)} ${stream} ${text}`).join('\n')}
        </Code>
      )}
    </Answer>
  )
}
