/** What the check knows, in the order in which a finding names itself when a string holds several. */
export const PII_KINDS = [
  'card',
  'ssn',
  'iban',
  'national_id',
  'passport',
  'driver_licence',
  'nino',
  'birth_date',
  'crypto',
  'phone',
  'email',
  'address',
  'location',
  'ip',
  'mac',
] as const

export type PiiKind = (typeof PII_KINDS)[number]

/** Looked for when the policy names no kinds. Street addresses are a guess by shape, so they are asked for by name. */
export const DEFAULT_KINDS: readonly PiiKind[] = PII_KINDS.filter((kind) => kind !== 'address')

export const KIND_WORDS: Readonly<Record<PiiKind, string>> = {
  card: 'payment card number',
  ssn: 'US social security number',
  iban: 'bank account number (IBAN)',
  national_id: 'national identity number',
  passport: 'passport number',
  driver_licence: 'driving licence number',
  nino: 'UK National Insurance number',
  birth_date: 'date of birth',
  crypto: 'crypto-currency address',
  phone: 'telephone number',
  email: 'e-mail address',
  address: 'street address',
  location: 'position in coordinates',
  ip: 'IP address',
  mac: 'MAC address',
}
