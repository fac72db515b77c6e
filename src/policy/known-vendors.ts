import type { ProviderRule } from './policy.ts'

/**
 * The vendors whose address the model gateway knows, with the protocol that each speaks: a policy names them without
 * a `base_url`. The gateway's table of vendors has a row for each.
 */
export const VENDOR_PROTOCOLS = {
  openai: 'openai',
  anthropic: 'anthropic',
  gemini: 'gemini',
  openrouter: 'openai',
  groq: 'openai',
  mistral: 'openai',
  deepseek: 'openai',
  xai: 'openai',
  together: 'openai',
  fireworks: 'openai',
  cerebras: 'openai',
  perplexity: 'openai',
  moonshot: 'openai',
  ollama: 'openai',
  vllm: 'openai',
  lmstudio: 'openai',
} as const satisfies Readonly<Record<string, NonNullable<ProviderRule['protocol']>>>

export type VendorName = keyof typeof VENDOR_PROTOCOLS

export function isVendorName(name: string): name is VendorName {
  return Object.hasOwn(VENDOR_PROTOCOLS, name)
}
