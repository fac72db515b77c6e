import { ALL, CLASS } from './classes.ts'

/** A text is one: it has no fields, and says what it likes. */
export const TEXT = ALL & ~(CLASS.nosql | CLASS.mass | CLASS.protobase)
const ADDRESS = CLASS.ssrf | CLASS.redirect
const MAIL = TEXT & (CLASS.sql | CLASS.xpath | CLASS.ldap | CLASS.quote | CLASS.redos)

/** Packages that make schemas, by what their import is called. */
export const SCHEMA_PACKAGES: ReadonlySet<string> = new Set([
  'zod', 'zod/v4', 'zod/v3', 'zod/mini', 'zod/v4-mini', 'joi', '@hapi/joi', 'yup', 'valibot', 'ajv', 'ajv/dist/2019', 'ajv/dist/2020',
  '@sinclair/typebox', 'typebox', '@fastify/type-provider-typebox',
]) // prettier-ignore

const masks = (names: string, mask: number): [string, number][] =>
  names.split(' ').map((name) => [name, mask])

/**
 * What a value may still be dangerous for once it has the form of that name, for kinds of schemas, for what narrows
 * them, and for formats of JSON Schema.
 */
export const FORMS: ReadonlyMap<string, number> = new Map([
  ...masks(
    'number int int32 uint32 int64 uint64 float32 float64 integer bigint boolean date stringbool null undefined nan void never symbol literal enum enum_ nativeEnum picklist port timestamp bool isodate isoDate',
    0,
  ),
  ...masks(
    'uuid uuidv4 uuidv6 uuidv7 guid cuid cuid2 ulid nanoid xid ksuid objectId hex hexadecimal hexColor hash jwt base64url datetime time duration isoDateTime isoTime isoTimestamp isoWeek digits alphanum token e164 mac octal decimal creditCard imei dataUri date-time',
    0,
  ),
  ...masks('ipv4 ipv6 ip cidr cidrv4 cidrv6 hostname domain', ADDRESS),
  ...masks('email rfcEmail html5Email', MAIL),
  ...masks('string text url uri httpUrl base64 emoji templateLiteral', TEXT),
  ...masks('any unknown custom instance instanceof mixed lazy binary file blob', ALL),
])

/** What a call of that name gives that narrows nothing on its own, but for how long a text is. */
export const BOUNDS: ReadonlySet<string> = new Set(['max', 'length', 'size', 'maxLength'])

/** Decorators of class-validator, by what is left of a field that carries one. */
export const FIELD_DECORATORS: ReadonlyMap<string, number> = new Map([
  ...masks(
    'IsIn IsEnum IsInt IsNumber IsBoolean IsDate IsPositive IsNegative Min Max IsDivisibleBy Equals IsUUID IsNumberString IsBooleanString IsMongoId IsISO8601 IsDateString IsRFC3339 IsHexadecimal IsAlpha IsAlphanumeric IsMilitaryTime IsPort IsHexColor IsHash IsJWT IsCreditCard IsISBN IsSemVer IsLatitude IsLongitude IsCurrency IsLocale IsISO31661Alpha2 IsISO31661Alpha3 IsISO4217CurrencyCode IsFirebasePushId IsMACAddress IsTimeZone',
    0,
  ),
  ...masks('IsIP IsFQDN', ADDRESS),
  ...masks('IsEmail', MAIL),
  ...masks('IsString IsUrl IsNotEmpty Length MinLength MaxLength Contains IsPhoneNumber IsBase64', TEXT),
])

/** Pipes of NestJS that let nothing by but numbers, names of a list and identifiers. */
export const NARROW_PIPES: ReadonlySet<string> = new Set([
  'ParseIntPipe', 'ParseFloatPipe', 'ParseBoolPipe', 'ParseEnumPipe', 'ParseUUIDPipe', 'ParseDatePipe',
]) // prettier-ignore
