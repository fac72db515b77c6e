import type { Rule } from '../rule.ts'
import { callsTo } from './calls.ts'
import { destinations } from './destinations.ts'
import { namesSecret } from './secret-names.ts'

const PRETENDS = /mock|fake|dummy|sample|demo|faker|storybook|simulat/i

export const WEAK_RANDOM: Rule = {
  info: {
    id: 'misuse/weak-random',
    title: 'A secret that can be guessed',
    cwe: 'CWE-338',
    tags: ['OWASP A02:2021', 'CWE-330'],
    severity: 'warning',
    help: "Take it from `node:crypto`: `randomBytes(32).toString('base64url')`, `randomUUID()`, `randomInt(100000, 1000000)` for a code; in the browser `crypto.getRandomValues`.",
  },
  *find(effects) {
    for (const { node, within, around } of callsTo(
      effects,
      /Math\.random/,
      /^(?:global:Math\.random|lodash\.(?:random|sample|sampleSize))$/,
    )) {
      if (PRETENDS.test(within.module.path) || PRETENDS.test(within.name)) continue
      for (const { name, path } of destinations(effects, node, within, around)) {
        if (!namesSecret(name)) continue
        yield {
          module: within.module,
          span: node,
          message: `\`${name}\` comes from Math.random: who has seen some of its values knows the next ones.`,
          path: path.length > 1 ? path : [],
        }
        break
      }
    }
  },
}
