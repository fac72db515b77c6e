import { expect, test } from 'vitest'
import { handedOn } from './handed-on.ts'

test('a program that is not ours gets what is its own, and nothing that opens the harness', () => {
  const theirs = { PATH: '/usr/bin', OPENAI_API_KEY: 'key-of-theirs', BELAY_KEY: 'blk_of_the_agent' }
  const ours = {
    BELAY_TOKEN: 'token',
    BELAY_URL: 'http://127.0.0.1:7300',
    BELAY_DATABASE_URL: 'postgres://belay@localhost/belay',
    BELAY_MASTER_KEY: 'master',
    NODE_CHANNEL_FD: '3',
  }
  expect(handedOn({ ...theirs, ...ours, EMPTY: undefined })).toEqual(theirs)
})
