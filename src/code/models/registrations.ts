import type { SourceKind } from './source-kind.ts'

/** Functions that a package calls with what comes from outside. */
export interface RegistrationModel {
  /** Where what is called comes from: a package, or a global with its members. */
  readonly from: RegExp
  readonly name: RegExp
  /** Handlers lie in these fields of an argument; `*`: in any. Without: they are arguments. */
  readonly within?: readonly string[]
  /** By the position of the handler's parameter: the fields that come from outside, or all of it. */
  readonly params: Readonly<Record<number, readonly string[] | 'all'>>
  readonly kind: SourceKind
  readonly what: string
}

const message = (what = "a message's data"): Pick<RegistrationModel, 'kind' | 'what'> => ({
  kind: 'message',
  what,
})
const CHAT = ['message', 'msg', 'callbackQuery', 'match', 'payload', 'update', 'text', 'args', 'inlineQuery']

export const REGISTRATIONS: readonly RegistrationModel[] = [
  {
    from: /^@slack\/bolt$/,
    name: /^(?:command|message|event|action|shortcut|view|options)$/,
    params: {
      0: ['command', 'message', 'event', 'body', 'payload', 'action', 'shortcut', 'view', 'options'],
    },
    ...message(),
  },
  {
    from: /^(?:telegraf|grammy)$/,
    name: /^(?:command|on|hears|action|start|help|callbackQuery|inlineQuery)$/,
    params: { 0: CHAT },
    ...message(),
  },
  {
    from: /^node-telegram-bot-api$/,
    name: /^(?:onText|on|once)$/,
    params: { 0: 'all', 1: 'all' },
    ...message(),
  },
  {
    from: /^(?:bullmq|bull|bee-queue)$/,
    name: /^(?:Worker|process)$/,
    params: { 0: ['data'] },
    ...message("a job's data"),
  },
  { from: /^agenda$/, name: /^define$/, params: { 0: ['attrs'] }, ...message("a job's data") },
  {
    from: /^kafkajs$/,
    name: /^run$/,
    within: ['eachMessage', 'eachBatch'],
    params: { 0: ['message', 'batch'] },
    ...message(),
  },
  {
    from: /^amqplib(?:\/callback_api)?$/,
    name: /^consume$/,
    params: { 0: ['content', 'properties'] },
    ...message(),
  },
  { from: /^mqtt$/, name: /^on$/, params: { 0: 'all', 1: 'all' }, ...message() },
  {
    from: /^(?:redis|ioredis)$/,
    name: /^(?:p?[sS]ubscribe|on)$/,
    params: { 0: 'all', 1: 'all' },
    ...message(),
  },
  {
    from: /^inngest$/,
    name: /^createFunction$/,
    params: { 0: ['event', 'events'] },
    ...message("an event's data"),
  },
  {
    from: /^(?:@grpc\/grpc-js|grpc)$/,
    name: /^addService$/,
    within: ['*'],
    params: { 0: ['request'] },
    kind: 'request',
    what: "the request's body",
  },
  {
    from: /^firebase-functions(?:\/.*)?$/,
    name: /^onCall$/,
    params: { 0: 'all' },
    kind: 'request',
    what: "the request's body",
  },
  {
    from: /^electron$/,
    name: /^(?:handle|handleOnce|on|once)$/,
    params: { 1: 'all', 2: 'all', 3: 'all' },
    kind: 'message',
    what: 'what a page of the program sends',
  },
  {
    from: /^(?:chrome|browser)$/,
    name: /^addListener$/,
    params: { 0: 'all' },
    kind: 'page',
    what: 'the message of a page',
  },
  {
    from: /^process$/,
    name: /^on$/,
    params: { 0: 'all' },
    kind: 'argument',
    what: 'what comes in by the standard input',
  },
]
