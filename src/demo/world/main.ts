import { CommentNetwork } from './comment-network.ts'
import { MailWriter } from './mail-writer.ts'
import { PeopleSite } from './people-site.ts'
import { serve } from './service.ts'
import { answerChat } from './stand-in-model.ts'

// The outside world of the demo, in a process of its own. It prints its addresses and lives as long as its
// standard input is open: when the demo dies, however it dies, the world goes too.
const network = new CommentNetwork()
const writer = new MailWriter()
const people = new PeopleSite()

const [networkAt, modelAt, writerAt, peopleAt] = await Promise.all([
  serve((call) => network.answer(call)),
  serve(answerChat),
  serve((call) => writer.answer(call)),
  serve((call) => people.answer(call)),
])

process.stdout.write(
  `${JSON.stringify({
    network: networkAt.url,
    networkToken: network.accessToken,
    model: modelAt.url,
    writer: writerAt.url,
    people: peopleAt.url,
  })}\n`,
)

process.stdin.resume()
process.stdin.on('end', () => process.exit(0))
process.stdin.on('error', () => process.exit(0))
