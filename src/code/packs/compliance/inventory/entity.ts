import { entityKey } from '../../../effects/operation.ts'
import type { Span } from '../../../flow-graph/expressions.ts'
import { lineStartsOf, type Module } from '../../../flow-graph/module.ts'

/** Kinds of personal data; `special` is Art. 9 GDPR. */
export type Category =
  | 'email'
  | 'phone'
  | 'name'
  | 'address'
  | 'birth date'
  | 'identity number'
  | 'IP address'
  | 'location'
  | 'user agent'
  | 'health or belief'
  | 'card or account number'
  | 'income'

export interface FieldInfo {
  readonly name: string
  readonly category: Category | null
  /** Password, token, seed: never to be shown, personal or not. */
  readonly secret: boolean
  /** Left out of answers by the model itself. */
  readonly hidden: boolean
  readonly references: Reference | null
}

export interface Reference {
  /** Compared name of the table or model that it points to; null when only the field's name says so. */
  readonly target: string | null
  /** `cascade`, `set null`, or `restrict` (deleting fails loudly); `none`: nothing holds the two together. */
  readonly onDelete: 'cascade' | 'set null' | 'restrict' | 'none'
}

export interface Entity {
  readonly name: string
  /** Every name that it goes by, compared. */
  readonly keys: ReadonlySet<string>
  readonly fields: ReadonlyMap<string, FieldInfo>
  /** Whether its rows are about people. */
  readonly personal: boolean
  /** The field that marks a row as deleted without deleting it. */
  readonly softDelete: string | null
  /** Whether the store itself forgets rows after a time. */
  readonly expires: boolean
  /** Whether the model takes care of passwords when it saves. */
  readonly hashes: boolean
  /** When deleting one, the model deletes what hangs on it. */
  readonly deletesOthers: boolean
  readonly module: Module
  readonly span: Span
  readonly by: 'prisma' | 'sql' | 'drizzle' | 'typeorm' | 'sequelize' | 'mongoose'
}

export interface Draft {
  readonly name: string
  readonly names: readonly (string | null)[]
  readonly fields: readonly {
    readonly name: string
    readonly hidden?: boolean
    readonly references?: Reference | null
  }[]
  readonly softDelete?: string | null
  readonly expires?: boolean
  readonly hashes?: boolean
  readonly deletesOthers?: boolean
  readonly module: Module
  readonly span: Span
  readonly by: Entity['by']
}

const PERSON =
  /(?:user|customer|member|patient|employee|contact|guest|person|people|account|applicant|candidate|tenant|subscriber|student|teacher|driver|client|lead|shopper|reader|visitor|profile|buyer|seller|participant|attendee|passenger|resident|citizen|donor|voter|recipient|traveller|operator|staff|parent|child|identity|signer|doctor|nurse|worker|beneficiary)$/

export function isPerson(name: string): boolean {
  return PERSON.test(entityKey(name))
}

const CATEGORIES: readonly [RegExp, Category][] = [
  [/^(?:\w*email|\w*emailaddress|e_?mail)$/, 'email'],
  [/^(?:\w*phone|\w*phonenumber|mobile|mobilenumber|cellphone|msisdn)$/, 'phone'],
  [/^(?:first|last|full|middle|given|family|sur|maiden|legal|cardholder|real)name$|^surname$/, 'name'],
  [
    /^(?:street|streetaddress|postaladdress|homeaddress|addressline\d?|shippingaddress|billingaddress|postcode|postalcode|zipcode)$/,
    'address',
  ],
  [/^(?:dob|dateofbirth|birthdate|birthday|birthdt)$/, 'birth date'],
  [
    /^(?:ssn|socialsecurity(?:number)?|nationalid(?:number)?|passport(?:number|no)?|taxid|tin|driverslicen[cs]e(?:number)?|driverlicen[cs]e(?:number)?|identitynumber|nationalinsurancenumber)$/,
    'identity number',
  ],
  [/^(?:ip|ipaddress|ipaddr|clientip|remoteip|remoteaddress|lastip|lastloginip|signupip)$/, 'IP address'],
  [/^(?:latitude|longitude|geolocation|lat|lng)$/, 'location'],
  [/^useragent$/, 'user agent'],
  [
    /^(?:diagnos[ie]s|medications?|allerg(?:y|ies)|bloodtype|religion|ethnicity|sexualorientation|politicalviews?|disabilit(?:y|ies)|healthnotes?|healthconditions?|medicalhistory|medicalnotes?|medicalconditions?|symptoms?|dietaryneeds|hivstatus|prescriptions?)$/,
    'health or belief',
  ],
  [
    /^(?:iban|bankaccount(?:number)?|cardnumber|creditcard(?:number)?|pan|cvv|cvc|cardcvv|cardcvc|securitycode)$/,
    'card or account number',
  ],
  [/^(?:salary|income|annualincome|creditscore)$/, 'income'],
]

const SECRET =
  /^(?:password|passwd|pwd|passwordhash|hashedpassword|passworddigest|encryptedpassword|passwordsalt|(?:reset|resetpassword|passwordreset|verification|emailverification|refresh|remember|magic|confirmation|session)token(?:hash)?|totpsecret|twofactorsecret|mfasecret|otpsecret|tfasecret|apisecret|secretkey|privatekey|recoverycodes?|backupcodes?|twofactorbackupcodes|securityanswer)$/

export function plain(name: string): string {
  return name.replace(/[_\s"'`-]/g, '').toLowerCase()
}

/** The category that a field's name says; the bare words `name` and `address` count beside people only. */
export function categoryOf(name: string, person: boolean): Category | null {
  const compared = plain(name)
  for (const [pattern, category] of CATEGORIES) if (pattern.test(compared)) return category
  if (!person) return null
  return compared === 'name' ? 'name' : compared === 'address' ? 'address' : null
}

export function isSecretName(name: string): boolean {
  return SECRET.test(plain(name))
}

const STRONG: ReadonlySet<Category | null> = new Set<Category | null>([
  'birth date',
  'identity number',
  'health or belief',
])
const TRACES: ReadonlySet<Category | null> = new Set<Category | null>([
  'IP address',
  'location',
  'email',
  'phone',
  'address',
  'name',
  'card or account number',
  'income',
])

export function entityOf(draft: Draft): Entity {
  const person = draft.names.some((each) => each !== null && isPerson(each))
  const fields = new Map<string, FieldInfo>()
  let owned = false
  for (const each of draft.fields) {
    const compared = plain(each.name)
    const references =
      each.references ?? (isOwnerField(each.name) ? { target: null, onDelete: 'none' as const } : null)
    if (
      references !== null &&
      (references.target === null ? isOwnerField(each.name) : isPerson(references.target))
    )
      owned = true
    fields.set(compared, {
      name: each.name,
      category: references === null ? categoryOf(each.name, person) : null,
      secret: isSecretName(each.name),
      hidden: each.hidden ?? false,
      references,
    })
  }
  const found = [...fields.values()].map((each) => each.category)
  const personal =
    found.some((each) => STRONG.has(each)) ||
    found.includes('IP address') ||
    (found.includes('name') && (person || owned || found.includes('email') || found.includes('phone'))) ||
    ((person || owned) && found.some((each) => TRACES.has(each)))
  return {
    name: draft.name,
    keys: new Set(draft.names.flatMap((each) => (each === null || each === '' ? [] : [entityKey(each)]))),
    fields,
    personal,
    softDelete: draft.softDelete ?? softDeleteOf(draft.fields.map((each) => each.name)),
    expires: draft.expires ?? false,
    hashes: draft.hashes ?? false,
    deletesOthers: draft.deletesOthers ?? false,
    module: draft.module,
    span: draft.span,
    by: draft.by,
  }
}

/** `userId`, `user_id`, `user`, `driver_id`: points to a person. */
export function isOwnerField(name: string): boolean {
  const stem = /^(.+?)_?[iI][dD]$/.exec(name)?.[1]
  return stem !== undefined && isPerson(stem)
}

function softDeleteOf(names: readonly string[]): string | null {
  return (
    names.find((each) =>
      /^(?:deletedat|deletedon|deleteddate|isdeleted|deleted|removedat|softdeleted)$/.test(plain(each)),
    ) ?? null
  )
}

/** A module around a text that is no program, for places in it. */
export function textModule(path: string, text: string): Module {
  return {
    path,
    language: 'javascript',
    text,
    lineStarts: lineStartsOf(text),
    main: null as unknown as Module['main'],
    functions: [],
    classes: [],
    imports: [],
    exports: [],
    comments: [],
    test: false,
  }
}
