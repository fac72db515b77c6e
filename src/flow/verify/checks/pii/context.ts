const WORDS = {
  phone:
    /\b(?:tele(?:ph|f)on\w{0,4}|phone|tel|call(?:ed|ing)?|mobile?|cell(?:ular)?|fax|whatsapp|dial|ring|reach|answer(?:ing|ed)?|contact|sms|text me|handy|m[oó]vil|portable|hotline)\b/gi,
  birth:
    /\b(?:born|birth(?:day|date)?|dob|d\.o\.b|bday|geboren|geburtsdatum|geb|n[ée]e?|naissance|nacid[oa]|nacimiento|nat[oa]|nascita|nascid[oa]|nascimento)\b/gi,
  passport:
    /\b(?:passports?|passport ?no|reisepass\w{0,8}|passeport|pasaporte|passaporto|passaporte|paspoort)\b/gi,
  licence:
    /\b(?:driv(?:er|ing)\S{0,3} ?(?:licen[cs]e|permit)|dl ?(?:no|number|#)|f\S{1,2}hrerschein|permis de conduire|patente di guida|rijbewijs|carnet de conducir)/gi,
  ssn: /\b(?:ssn|social security|soc ?sec)\b/gi,
  bsn: /\b(?:bsn|burgerservice\w{0,8}|sofi\w{0,8})\b/gi,
  aadhaar: /\b(?:aadhaar|aadhar|uidai|uid)\b/gi,
  steuer: /\b(?:steuer\w{0,24}|steuer-id\w{0,10}|idnr|tax (?:id\w{0,12}|number)|tin)\b/gi,
  cpf: /\b(?:cpf|cadastro de pessoas?)\b/gi,
  nir: /(?<![\p{L}\p{N}])(?:nir|insee|s[ée]curit[ée] sociale|s[ée]cu)(?![\p{L}\p{N}])/giu,
  version: /\b(?:version|release|build|v)\b/gi,
} as const

export type Topic = keyof typeof WORDS

/** Answers whether a word of the topic ends within `reach` characters before `at`. */
export type Near = (topic: Topic, at: number, reach: number) => boolean

/** Looks for the words of a topic once per text, and only when somebody asks. */
export function contextOf(text: string): Near {
  const found = new Map<Topic, readonly number[]>()
  return (topic, at, reach) => {
    let ends = found.get(topic)
    if (ends === undefined) {
      ends = endsOf(WORDS[topic], text)
      found.set(topic, ends)
    }
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (ends[middle]! <= at) low = middle + 1
      else high = middle
    }
    return low > 0 && at - ends[low - 1]! <= reach
  }
}

/** Not matchAll, which makes a new RegExp for every text. */
function endsOf(pattern: RegExp, text: string): readonly number[] {
  const ends: number[] = []
  pattern.lastIndex = 0
  while (pattern.test(text)) ends.push(pattern.lastIndex)
  return ends
}
