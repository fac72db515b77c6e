/** Luhn, ISO/IEC 7812-1 annex B. Takes digits only. */
export function luhn(digits: string): boolean {
  let sum = 0
  for (let i = digits.length - 1, twice = false; i >= 0; i -= 1, twice = !twice) {
    const digit = digits.charCodeAt(i) - 48
    sum += twice ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit
  }
  return sum % 10 === 0
}

const DIHEDRAL = [
  '0123456789', '1234067895', '2340178956', '3401289567', '4012395678',
  '5987604321', '6598710432', '7659821043', '8765932104', '9876543210',
] // prettier-ignore
const PERMUTED = [
  '0123456789',
  '1576283094',
  '5803796142',
  '8916043527',
  '9453126870',
  '4286573901',
  '2793806415',
  '7046913258',
]

/** Verhoeff's check digit, the last digit of the number. */
export function verhoeff(digits: string): boolean {
  let check = 0
  for (let i = 0; i < digits.length; i += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48
    const permuted = PERMUTED[i % 8]!.charCodeAt(digit) - 48
    check = DIHEDRAL[check]!.charCodeAt(permuted) - 48
  }
  return check === 0
}

/** German tax identification number: ISO/IEC 7064 MOD 11,10; one digit of the first ten comes twice or thrice. */
export function steuerId(digits: string): boolean {
  if (digits.length !== 11 || digits.startsWith('0')) return false
  const times = Array.from({ length: 10 }, () => 0)
  for (let i = 0; i < 10; i += 1) times[digits.charCodeAt(i) - 48]! += 1
  if (Math.max(...times) > 3 || times.filter((count) => count > 1).length !== 1) return false
  let product = 10
  for (let i = 0; i < 10; i += 1) {
    const sum = (digits.charCodeAt(i) - 48 + product) % 10 || 10
    product = (sum * 2) % 11
  }
  return (11 - product) % 10 === digits.charCodeAt(10) - 48
}

/** French NIR: 13 characters and a key of two digits, 97 less the remainder of 97. Corsica counts as 19 and 18. */
export function nir(text: string): boolean {
  const body = text.slice(0, 13).toUpperCase().replace('2A', '19').replace('2B', '18')
  if (text.length !== 15 || !/^[1-478][0-9]{2}(?:0[1-9]|1[0-2]|[2-9][0-9])[0-9]{8}$/.test(body)) return false
  return 97 - (Number(body) % 97) === Number(text.slice(13))
}

/** Spanish DNI and NIE: the letter is chosen by the remainder of 23. */
export function spanishId(text: string): boolean {
  const upper = text.toUpperCase()
  const digits = upper.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)))
  return 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(digits) % 23] === upper.at(-1)
}

/** Dutch BSN: the eleven test, the last digit counted negatively. */
export function bsn(digits: string): boolean {
  if (digits.length !== 9 || /^0+$/.test(digits)) return false
  let sum = 0
  for (let i = 0; i < 9; i += 1) sum += (digits.charCodeAt(i) - 48) * (i === 8 ? -1 : 9 - i)
  return sum % 11 === 0
}

/** Brazilian CPF: two check digits modulo 11. */
export function cpf(digits: string): boolean {
  if (digits.length !== 11 || digits === digits[0]!.repeat(11)) return false
  for (const length of [9, 10]) {
    let sum = 0
    for (let i = 0; i < length; i += 1) sum += (digits.charCodeAt(i) - 48) * (length + 1 - i)
    if (((sum * 10) % 11) % 10 !== digits.charCodeAt(length) - 48) return false
  }
  return true
}

const ODD_PLACE = [
  1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
]

/** Italian codice fiscale: its last letter, over odd and even places (decree of 23 December 1976). */
export function codiceFiscale(text: string): boolean {
  const upper = text.toUpperCase()
  let sum = 0
  for (let i = 0; i < 15; i += 1) {
    const code = upper.charCodeAt(i)
    const value = code < 58 ? code - 48 : code - 65
    sum += i % 2 === 0 ? (ODD_PLACE[value] ?? 0) : value
  }
  return upper.charCodeAt(15) - 65 === sum % 26
}
