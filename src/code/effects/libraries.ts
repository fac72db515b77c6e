import type { Access } from './operation.ts'

const READ_ONE: readonly [Access, boolean] = ['read', false]
const READ_MANY: readonly [Access, boolean] = ['read', true]
const INSERT: readonly [Access, boolean] = ['insert', false]
const UPDATE: readonly [Access, boolean] = ['update', false]
const DELETE: readonly [Access, boolean] = ['delete', false]
const COUNT: readonly [Access, boolean] = ['count', false]

/** What a method does, and whether it gives many rows. */
export type Methods = ReadonlyMap<string, readonly [Access, boolean]>

function methods(rows: Record<string, readonly [Access, boolean]>): Methods {
  return new Map(Object.entries(rows))
}

/** https://www.prisma.io/docs/orm/reference/prisma-client-reference */
export const PRISMA: Methods = methods({
  findUnique: READ_ONE,
  findUniqueOrThrow: READ_ONE,
  findFirst: READ_ONE,
  findFirstOrThrow: READ_ONE,
  findMany: READ_MANY,
  create: INSERT,
  createMany: INSERT,
  createManyAndReturn: INSERT,
  update: UPDATE,
  updateMany: UPDATE,
  updateManyAndReturn: UPDATE,
  upsert: UPDATE,
  delete: DELETE,
  deleteMany: DELETE,
  count: COUNT,
  aggregate: COUNT,
  groupBy: COUNT,
})

/** Methods of Prisma that nothing else of note has. */
export const ONLY_PRISMA: ReadonlySet<string> = new Set([
  'findUnique',
  'findUniqueOrThrow',
  'findFirstOrThrow',
  'findMany',
  'createMany',
  'createManyAndReturn',
])

/** https://mongoosejs.com/docs/api/model.html */
export const MONGOOSE: Methods = methods({
  find: READ_MANY,
  findOne: READ_ONE,
  findById: READ_ONE,
  exists: READ_ONE,
  distinct: COUNT,
  aggregate: COUNT,
  countDocuments: COUNT,
  estimatedDocumentCount: COUNT,
  create: INSERT,
  insertMany: INSERT,
  insertOne: INSERT,
  bulkWrite: UPDATE,
  updateOne: UPDATE,
  updateMany: UPDATE,
  replaceOne: UPDATE,
  findByIdAndUpdate: UPDATE,
  findOneAndUpdate: UPDATE,
  findOneAndReplace: UPDATE,
  deleteOne: DELETE,
  deleteMany: DELETE,
  findByIdAndDelete: DELETE,
  findByIdAndRemove: DELETE,
  findOneAndDelete: DELETE,
})

/** https://sequelize.org/api/v6/class/src/model.js~model */
export const SEQUELIZE: Methods = methods({
  findAll: READ_MANY,
  findAndCountAll: READ_MANY,
  findOne: READ_ONE,
  findByPk: READ_ONE,
  findOrCreate: INSERT,
  count: COUNT,
  sum: COUNT,
  create: INSERT,
  bulkCreate: INSERT,
  update: UPDATE,
  upsert: UPDATE,
  increment: UPDATE,
  decrement: UPDATE,
  destroy: DELETE,
})

/** https://typeorm.io/docs/working-with-entity-manager/repository-api */
export const TYPEORM: Methods = methods({
  find: READ_MANY,
  findBy: READ_MANY,
  findAndCount: READ_MANY,
  findOne: READ_ONE,
  findOneBy: READ_ONE,
  findOneOrFail: READ_ONE,
  findOneByOrFail: READ_ONE,
  count: COUNT,
  countBy: COUNT,
  exists: COUNT,
  existsBy: COUNT,
  save: UPDATE,
  insert: INSERT,
  update: UPDATE,
  upsert: UPDATE,
  increment: UPDATE,
  decrement: UPDATE,
  delete: DELETE,
  remove: DELETE,
  softDelete: UPDATE,
  softRemove: UPDATE,
})

/** First links of a query that is built: Drizzle and Kysely. */
export const BUILDERS: Methods = methods({
  select: READ_MANY,
  selectDistinct: READ_MANY,
  selectFrom: READ_MANY,
  insert: INSERT,
  insertInto: INSERT,
  update: UPDATE,
  updateTable: UPDATE,
  delete: DELETE,
  deleteFrom: DELETE,
})

/** Methods that take SQL as text. */
export const TAKES_SQL: ReadonlySet<string> = new Set([
  'query',
  'execute',
  'run',
  'all',
  'get',
  'exec',
  'raw',
  'unsafe',
  'prepare',
  '$queryRawUnsafe',
  '$executeRawUnsafe',
])

/** Packages of payment providers; methods that move money or change what is owed. */
export const PAYMENT_PACKAGES =
  /^(?:stripe|braintree|square|@square\/|@paypal\/|paypal|@mollie\/|@adyen\/|razorpay|@paddle\/)/
export const PAYMENT_WRITES =
  /^(?:create|update|capture|confirm|cancel|refund|del|sale|finalizeInvoice|pay|attach|detach|charge|createPayment|submitForSettlement)$/

/** Ways to send mail and texts, by package and method. */
export const MAIL_PACKAGES =
  /^(?:nodemailer|resend|@sendgrid\/|twilio|postmark|mailgun|@mailchimp\/mailchimp_transactional|@aws-sdk\/client-ses|@vonage\/|messagebird|@mailjet\/|node-mailjet)/
export const MAIL_WRITES = /^(?:send|sendMail|sendEmail|sendMultiple|create|sendSms|sendMessage|sendBatch)$/

export const QUEUE_PACKAGES = /^(?:bullmq|bull|bee-queue|amqplib|kafkajs|@aws-sdk\/client-sqs|pg-boss|agenda)/
export const QUEUE_WRITES = /^(?:add|addBulk|send|publish|sendToQueue|schedule|now|insert)$/

/** Packages that lead to a language model which somebody else runs, and the methods that ask it. */
export const MODEL_PACKAGES =
  /^(?:openai|@anthropic-ai\/|ai$|ai\.|@ai-sdk\/|@google\/gen(?:erative-)?ai|cohere-ai|@mistralai\/|groq-sdk|@langchain\/(?:openai|anthropic|google|mistralai|groq|cohere)|together-ai|replicate|@azure\/openai)/
export const MODEL_CALLS =
  /^(?:create|parse|stream|generateText|streamText|generateObject|streamObject|generateContent|generateContentStream|sendMessage|invoke|chat|complete|run)$/

/** Names of tables that stay small. */
export const SMALL_TABLE =
  /^(?:countr(?:y|ies)|currenc(?:y|ies)|languages?|locales?|roles?|permissions?|plans?|settings?|configs?|configurations?|categor(?:y|ies)|statuse?s?|types?|regions?|states?|provinces?|time_?zones?|feature_?flags?|flags|options?|tiers?|departments?|colou?rs?|sizes?|units?|shipping_?methods?|tax_?rates?|rates|migrations?|templates?|menus?|menu_?items|faqs?|badges?|levels?|genres?)$/i
