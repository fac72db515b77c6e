import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { send } from '../../api/call.ts'
import { sentenceOf } from '../../api/problem.ts'
import { Badge } from '../../parts/badge.tsx'
import { Button } from '../../parts/button.tsx'
import { Section } from '../../parts/page.tsx'
import { Answer, ErrorNote } from '../../parts/states.tsx'
import { say } from '../../parts/toast.tsx'
import { Ago } from '../../parts/values.tsx'
import { channelsQuery } from './queries.ts'
import type { Channel } from './queries.ts'

const NAMES: Readonly<Record<string, string>> = {
  slack: 'Slack',
  email: 'E-mail',
  webhook: 'Webhook',
  teams: 'Teams',
}

/** The ways to reach people, and whether they work. */
export function ChannelsSection() {
  // What became of a message is no record: it is asked now and then.
  const channels = useQuery({ ...channelsQuery, refetchInterval: 3_000 })
  return (
    <Section title="Channels">
      <Answer query={channels}>
        {(items) => (
          <>
            {items.map((channel) => (
              <OneChannel key={channel.name} channel={channel} />
            ))}
            <p className="soft small settings-under">
              What is told where stands under <code>notify:</code> in the <Link to="/policy">policy</Link>;
              secrets are environment variables. Deliveries are counted since Belay was started.
            </p>
          </>
        )}
      </Answer>
    </Section>
  )
}

function OneChannel({ channel }: { readonly channel: Channel }) {
  const client = useQueryClient()
  const name = NAMES[channel.name] ?? channel.name
  const testing = useMutation({
    mutationFn: () => send<Channel>('POST', `/v1/channels/${channel.name}/test`),
    onSuccess: () => {
      say(`A test message to ${name} is on its way.`)
      return client.invalidateQueries({ queryKey: ['channel'] })
    },
  })
  const broken = channel.failed_at !== null && (channel.delivered_at ?? '') < channel.failed_at
  return (
    <div className="settings-channel">
      <div>
        <h3>
          {name} <ChannelBadge channel={channel} broken={broken} />
        </h3>
        {channel.missing !== null && <p className="soft">{channel.missing}.</p>}
        {!channel.configured && <p className="soft">Not in the policy.</p>}
        {channel.open && (
          <p className="soft small">
            {channel.delivered_at === null ? (
              'Nothing was sent yet.'
            ) : (
              <>
                Last message taken <Ago at={channel.delivered_at} />.
              </>
            )}
          </p>
        )}
        {channel.failure !== null && channel.failed_at !== null && (
          <p className={broken ? 'field-error small' : 'soft small'}>
            Last fault, <Ago at={channel.failed_at} />: {channel.failure}
          </p>
        )}
        {testing.error !== null && <ErrorNote>{sentenceOf(testing.error)}</ErrorNote>}
      </div>
      {channel.open && (
        <Button
          aria-label={`Send a test message to ${name}`}
          busy={testing.isPending}
          onClick={() => testing.mutate()}
        >
          Send a test message
        </Button>
      )}
    </div>
  )
}

function ChannelBadge({ channel, broken }: { readonly channel: Channel; readonly broken: boolean }) {
  if (!channel.configured) return <Badge>not configured</Badge>
  if (!channel.open) return <Badge tone="bad">lacks something</Badge>
  return broken ? <Badge tone="bad">does not deliver</Badge> : <Badge tone="good">open</Badge>
}
