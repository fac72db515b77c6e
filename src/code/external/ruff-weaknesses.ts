/** Bandit's rules, by the weakness that they stand for; imports that it merely warns of are not counted. */
const WEAKNESSES: readonly (readonly [rules: RegExp, cwe: string])[] = [
  [/^S608$|^S61[01]$/, 'CWE-89'],
  [/^S31[3-9]$|^S320$/, 'CWE-611'],
  [/^S311$/, 'CWE-330'],
  [/^S324$|^S303$/, 'CWE-328'],
  [/^S307$|^S102$/, 'CWE-94'],
  [/^S301$|^S302$|^S506$/, 'CWE-502'],
  [/^S701$|^S702$|^S703$|^S704$|^S308$/, 'CWE-79'],
  [/^S60[2-79]$/, 'CWE-78'],
  [/^S202$/, 'CWE-22'],
  [/^S30[45]$|^S5?50[1-4]$/, 'CWE-327'],
  [/^S505$/, 'CWE-326'],
  [/^S501$|^S323$/, 'CWE-295'],
  [/^S10[5-7]$/, 'CWE-798'],
  [/^S10[5-7]$/, 'CWE-259'],
  [/^S103$/, 'CWE-732'],
  [/^S104$/, 'CWE-605'],
  [/^S108$|^S306$/, 'CWE-377'],
  [/^S11[02]$/, 'CWE-703'],
  [/^S113$/, 'CWE-400'],
  [/^S201$/, 'CWE-215'],
  [/^S310$/, 'CWE-918'],
  [/^S32[12]$|^S312$|^S402$|^S401$/, 'CWE-319'],
  [/^S50[78]$/, 'CWE-295'],
]

/** The weaknesses that a rule of ruff (`S602`) stands for; none for rules that are no matter of security. */
export function ruffWeaknesses(code: string): readonly string[] {
  return WEAKNESSES.filter(([rules]) => rules.test(code)).map(([, cwe]) => cwe)
}
