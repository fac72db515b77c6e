import type { Rule } from '../rule.ts'
import { callsTo, constantOf, objectOf, optionOf } from './calls.ts'

const BROKEN =
  /^(?:des|3des|rc[24]|arcfour|bf|blowfish|idea|seed|cast5?)(?:$|[-_\d])|^des-?ede|-ecb$|^aes-?\d*-?ecb/i
const MAKES =
  /^(?:crypto|node-forge\.cipher|browserify-cipher|create-cipher)\.(?:createCipher|createCipheriv)$|^crypto-js\.(?:AES|DES|TripleDES|RC4|RC4Drop|Rabbit|RabbitLegacy|Blowfish)\.encrypt$/

export const WEAK_CIPHER: Rule = {
  info: {
    id: 'misuse/weak-cipher',
    title: 'A broken cipher or mode',
    cwe: 'CWE-327',
    tags: ['OWASP A02:2021'],
    severity: 'warning',
    help: "Use `crypto.createCipheriv('aes-256-gcm', key, crypto.randomBytes(12))` and keep `getAuthTag()` with the text.",
  },
  *find(effects) {
    for (const { node, within, api } of callsTo(effects, /createCipher|crypto-js|CryptoJS/, MAKES)) {
      const hit = (message: string) => ({ module: within.module, span: node, message })
      if (api === 'crypto.createCipher') {
        yield hit(
          '`createCipher` makes key and IV from the password by MD5, always the same; Node 22 has it no more.',
        )
        continue
      }
      const library = /^crypto-js\.(\w+)\./.exec(api)?.[1]
      if (library !== undefined && library !== 'AES') {
        yield hit(`${library} does not keep a secret any more.`)
        continue
      }
      if (library === 'AES') {
        const options = objectOf(effects, node.args[2], within)
        const mode = options === null ? null : optionOf(effects, options, 'mode')
        if (mode === null || mode === 'unknown') continue
        if (effects.origins.of(mode.value, mode.within).text.endsWith('.mode.ECB'))
          yield hit('In ECB mode equal blocks of the text stay equal: what is in it can be seen.')
        continue
      }
      const algorithm = constantOf(effects, node.args[0], within)
      if (typeof algorithm !== 'string' || !BROKEN.test(algorithm)) continue
      yield hit(
        /ecb/i.test(algorithm)
          ? `In ECB mode (\`${algorithm}\`) equal blocks of the text stay equal: what is in it can be seen.`
          : `\`${algorithm}\` does not keep a secret any more.`,
      )
    }
  },
}
