import { mass, nosql, path, type Row, rowOf, type SinkModel, sql, ssrf, template, xss } from './sinks.ts'
import { WHERE } from './stores.ts'

/** Methods whose receiver we may not know, what its text must look like then, and what their arguments do. */
const ROWS: readonly (readonly [names: string, receiver: RegExp, sink: Row])[] = [
  [
    'query execute',
    /(?:^|[._])(?:\w*(?:db|conn|connection|pool|client|sql|pg|mysql|sequelize|knex|database|manager|runner|tx|trx|session))$/i,
    sql(0),
  ],
  ['raw unsafe', /(?:^|[._])(?:db|knex|sql|sequelize|trx|tx|database|prisma)$/i, sql(0)],
  ['$queryRawUnsafe $executeRawUnsafe queryRaw', /./, sql(0)],
  ['whereRaw havingRaw orderByRaw groupByRaw joinRaw', /./, sql(0)],
  ['run all get each prepare exec', /(?:^|[._])(?:db|database|sqlite)$/i, sql(0)],
  [
    'findOne findOneAndUpdate findOneAndDelete updateOne updateMany deleteOne deleteMany countDocuments',
    /(?:^|[._])(?:[A-Z]\w*|\w*(?:collection|coll|users?|model|posts?|items?|accounts?|orders?|products?))$/i,
    [{ ...nosql(0), when: 'filter' }, WHERE],
  ],
  [
    'find remove update',
    /(?:^|[._])(?:[A-Z]\w*(?:Model)?|\w*(?:[cC]ollection|Col))$/,
    [{ ...nosql(0), when: 'filter' }, WHERE],
  ],
  // Of Prisma, conditions lie in `where`: an object there is an operator as well.
  ['updateMany deleteMany', /(?:^|[._])prisma\w*(?:\.client)?\.\w+$/i, nosql(0)],
  [
    'create insertOne build update updateOne findByIdAndUpdate',
    /(?:^|[._])(?:[A-Z]\w*|\w*[mM]odel|prisma\.\w+|db\.\w+)$/,
    mass(0, 1),
  ],
  [
    'mv',
    /file|upload|image|avatar|photo|doc|pic|attach|media|sample/i,
    [path(0), { class: 'upload', args: [0] }],
  ],
  ['insertAdjacentHTML', /./, xss(1)],
  ['setHTMLUnsafe createContextualFragment', /./, xss(0)],
  // Angular: its own sanitiser is told to let this through.
  ['bypassSecurityTrustHtml bypassSecurityTrustScript bypassSecurityTrustResourceUrl', /./, xss(0)],
  ['writeln', /document$/, xss(-1)],
  ['goto', /(?:page|tab|browser)$/i, ssrf(0)],
  ['renderString', /./, template(0)],
]

interface MethodSink {
  readonly receiver: RegExp
  readonly sinks: readonly SinkModel[]
}

const BY_METHOD = new Map<string, MethodSink[]>()
for (const [names, receiver, row] of ROWS)
  for (const name of names.split(' ')) {
    const made = { receiver, sinks: rowOf(row) }
    const known = BY_METHOD.get(name)
    if (known === undefined) BY_METHOD.set(name, [made])
    else known.push(made)
  }

/** Sinks of a call by its method's name and the text of its receiver. */
export function sinksByMethod(method: string, receiver: string): readonly SinkModel[] {
  return (BY_METHOD.get(method) ?? []).flatMap((each) => (each.receiver.test(receiver) ? each.sinks : []))
}
