/**
 * The soonest that any test could find a change. CUSUM with both likelihoods known exactly is minimax: no test whose false
 * alarms are as far apart finds a change sooner, counted from the worst moment for it to begin (Moustakides 1986). Its
 * figures follow from the distribution of its steps (Brook and Evans 1972: a Markov chain over the values of the statistic).
 */

/** One step of evidence: the chance that it is at most `x`, without and with the change. */
export interface Steps {
  readonly normal: (x: number) => number
  readonly changed: (x: number) => number
}

const STATES = 200

/** Arrivals whose pace becomes `factor` times what it was, each with the gap before it. */
export function paceSteps(factor: number): Steps {
  const log = Math.log(factor)
  // log f − (f − 1)·gap is at most x when the gap, in usual ones, is at least …
  const gap = (x: number): number => Math.max(0, (log - x) / (factor - 1))
  return { normal: (x) => Math.exp(-gap(x)), changed: (x) => Math.exp(-factor * gap(x)) }
}

/** Values that are normal in their logarithm, with this spread, and become `factor` times as large. */
export function sizeSteps(factor: number, spread: number): Steps {
  const shift = Math.log(factor) / spread
  const z = (x: number): number => (x + shift ** 2 / 2) / shift
  return { normal: (x) => cumulative(z(x)), changed: (x) => cumulative(z(x) - shift) }
}

/** Steps until CUSUM finds the change, on average, when it takes `apart` steps to a false alarm. */
export function soonest(steps: Steps, apart: number): number {
  let [low, high] = [0.01, 40]
  for (let round = 0; round < 30; round++) {
    const middle = (low + high) / 2
    if (stepsUntil(steps.normal, middle) < apart) low = middle
    else high = middle
  }
  return stepsUntil(steps.changed, high)
}

/** Mean steps until the statistic, from 0, passes the threshold. */
function stepsUntil(below: (x: number) => number, threshold: number): number {
  const width = threshold / STATES
  // Row i: from its value to each other, and minus that: the identity less the chances to stay below the threshold.
  const rows = Array.from({ length: STATES }, (_, i) => {
    const from = i === 0 ? 0 : (i + 0.5) * width
    const row = new Float64Array(STATES + 1)
    for (let j = 0; j < STATES; j++) {
      const upTo = below((j + 1) * width - from)
      row[j] = -(j === 0 ? upTo : upTo - below(j * width - from))
    }
    row[i]! += 1
    row[STATES] = 1
    return row
  })
  for (let i = 0; i < STATES; i++) {
    const pivot = rows[i]!
    for (let k = i + 1; k < STATES; k++) {
      const row = rows[k]!
      const share = row[i]! / pivot[i]!
      if (share !== 0) for (let j = i; j <= STATES; j++) row[j]! -= share * pivot[j]!
    }
  }
  const means = new Float64Array(STATES)
  for (let i = STATES - 1; i >= 0; i--) {
    let sum = rows[i]![STATES]!
    for (let j = i + 1; j < STATES; j++) sum -= rows[i]![j]! * means[j]!
    means[i] = sum / rows[i]![i]!
  }
  return means[0]!
}

/** Of the standard normal distribution: Laplace's continued fraction in the tail, else the series about 0. */
function cumulative(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
  const x = Math.abs(z)
  if (x > 3) {
    let fraction = x
    for (let k = 40; k >= 1; k--) fraction = x + k / fraction
    const tail = density / fraction
    return z > 0 ? 1 - tail : tail
  }
  let term = z
  let sum = z
  for (let k = 3; Math.abs(term) > 1e-17; k += 2) {
    term *= (z * z) / k
    sum += term
  }
  return 0.5 + density * sum
}
