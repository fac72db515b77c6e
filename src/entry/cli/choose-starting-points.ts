import { createInterface } from 'node:readline'
import { didYouMean } from '../../policy/did-you-mean.ts'
import { STARTING_POINTS, summaryOf } from '../../policy/starting-points/starting-policy.ts'
import type { StartingPointName } from '../../policy/starting-points/starting-policy.ts'
import { escapeText } from './escape.ts'
import { CommandFailure } from './failure.ts'

/** Reads names or numbers (as shown to people, from 1), separated by commas or blanks. A sentence where one is neither. */
export function readStartingPoints(text: string): readonly StartingPointName[] | { readonly fault: string } {
  const names = new Set<StartingPointName>()
  for (const word of text.split(/[\s,]+/).filter((each) => each !== '')) {
    const name = STARTING_POINTS.find((each, at) => each === word.toLowerCase() || String(at + 1) === word)
    if (name === undefined) {
      const shown = word.length > 60 ? `${word.slice(0, 60)}…` : word
      return {
        fault: `there is no ${escapeText(shown)}; expected ${STARTING_POINTS.join(', ')}${didYouMean(word, STARTING_POINTS)}`,
      }
    }
    names.add(name)
  }
  return [...names]
}

/** Asks on a terminal; an empty line takes what was suggested. */
export async function chooseStartingPoints(
  suggested: readonly StartingPointName[],
  { input, output }: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream },
): Promise<readonly StartingPointName[]> {
  const width = Math.max(...STARTING_POINTS.map((name) => name.length))
  output.write('What will your agents do? Several can be combined.\n')
  for (const [at, name] of STARTING_POINTS.entries()) {
    output.write(`  ${at + 1}  ${name.padEnd(width)}  ${summaryOf(name)}\n`)
  }
  const lines = createInterface({ input, output })
  // What was typed ahead is still to be read after the input has ended; asking then throws.
  let ended = false
  lines.once('close', () => (ended = true))
  try {
    lines.setPrompt(`Numbers or names [${suggested.join(', ')}]: `)
    lines.prompt()
    for await (const text of lines) {
      const chosen = readStartingPoints(text)
      if ('fault' in chosen) output.write(`${chosen.fault}\n`)
      else return chosen.length > 0 ? chosen : suggested
      if (!ended) lines.prompt()
    }
  } finally {
    lines.close()
  }
  throw new CommandFailure('Nothing was chosen; nothing was written.', {
    advice: '`belay init --for NAME` chooses without asking.',
  })
}
