import type { SinkModel } from './sinks.ts'

type Methods = Readonly<Record<string, readonly SinkModel[]>>

const each = (names: string, ...models: readonly SinkModel[]): Methods =>
  Object.fromEntries(names.split(' ').map((name) => [name, models]))

const operators = (position: number): SinkModel => ({ class: 'nosql', args: [position], deep: true })

/** The database runs it as JavaScript: a text does harm there, other than in the other fields. */
export const WHERE: SinkModel = {
  class: 'nosql',
  need: 'code',
  args: [0],
  fields: ['$where'],
  when: 'fields',
}

/** Collections of MongoDB, models of Mongoose. */
export const MONGO: Methods = {
  ...each(
    'find findOne findOneAndUpdate findOneAndDelete findOneAndReplace findOneAndRemove updateOne updateMany deleteOne deleteMany remove countDocuments count exists where',
    operators(0),
    WHERE,
  ),
  ...each('$where', { class: 'nosql', need: 'code', args: [0] }),
  ...each('aggregate', operators(0)),
  ...each('distinct', operators(1)),
}

const script = (position: number): SinkModel => ({ class: 'code', args: [position] })

/** Scripts are run by the server; what they are given beside is data, as is all of a command but its name. */
export const REDIS: Methods = {
  ...each('eval evalRo eval_ro EVAL EVAL_RO scriptLoad SCRIPT_LOAD functionLoad FUNCTION_LOAD', script(0)),
  ...each('script', script(1)),
  ...each(
    'sendCommand send_command',
    { class: 'command', args: [0] },
    { class: 'command', args: [0], when: 'first' },
  ),
  ...each('call', { class: 'command', args: [0] }),
}
