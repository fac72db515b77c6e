import type { VendorName } from '../../../policy/known-vendors.ts'
import { isVendorName, VENDOR_PROTOCOLS } from '../../../policy/known-vendors.ts'
import type { Vendor } from './provider.ts'

/** How long the rest of an answer is read that is billed whether or not anybody reads it. */
const BILLED_ANYWAY = 30_000

/**
 * One row a vendor. `drain` is set where OpenRouter's documentation of stream cancellation says that leaving does not
 * stop the billing (openrouter.ai/docs/api-reference/streaming). Price ids are those of genai-prices.
 */
const ROWS: Readonly<Record<VendorName, Omit<Vendor, 'name' | 'protocol'>>> = {
  openai: {
    maxTokensMember: 'max_completion_tokens',
    baseUrl: 'https://api.openai.com/v1',
    keyVariable: 'OPENAI_API_KEY',
    priceId: 'openai',
    telemetryName: 'openai',
  },
  anthropic: {
    baseUrl: 'https://api.anthropic.com/v1',
    keyVariable: 'ANTHROPIC_API_KEY',
    priceId: 'anthropic',
    telemetryName: 'anthropic',
  },
  gemini: {
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    keyVariable: 'GEMINI_API_KEY',
    priceId: 'google',
    telemetryName: 'gcp.gemini',
    drain: BILLED_ANYWAY,
  },
  openrouter: {
    baseUrl: 'https://openrouter.ai/api/v1',
    keyVariable: 'OPENROUTER_API_KEY',
    priceId: 'openrouter',
    telemetryName: 'openrouter',
    drain: BILLED_ANYWAY,
  },
  groq: {
    maxTokensMember: 'max_completion_tokens',
    baseUrl: 'https://api.groq.com/openai/v1',
    keyVariable: 'GROQ_API_KEY',
    priceId: 'groq',
    telemetryName: 'groq',
    drain: BILLED_ANYWAY,
  },
  mistral: {
    baseUrl: 'https://api.mistral.ai/v1',
    keyVariable: 'MISTRAL_API_KEY',
    priceId: 'mistral',
    telemetryName: 'mistral_ai',
    drain: BILLED_ANYWAY,
  },
  deepseek: {
    baseUrl: 'https://api.deepseek.com/v1',
    keyVariable: 'DEEPSEEK_API_KEY',
    priceId: 'deepseek',
    telemetryName: 'deepseek',
  },
  xai: {
    baseUrl: 'https://api.x.ai/v1',
    keyVariable: 'XAI_API_KEY',
    priceId: 'x-ai',
    telemetryName: 'x_ai',
  },
  together: {
    baseUrl: 'https://api.together.xyz/v1',
    keyVariable: 'TOGETHER_API_KEY',
    priceId: 'together',
    telemetryName: 'together',
  },
  fireworks: {
    baseUrl: 'https://api.fireworks.ai/inference/v1',
    keyVariable: 'FIREWORKS_API_KEY',
    priceId: 'fireworks',
    telemetryName: 'fireworks',
  },
  cerebras: {
    maxTokensMember: 'max_completion_tokens',
    baseUrl: 'https://api.cerebras.ai/v1',
    keyVariable: 'CEREBRAS_API_KEY',
    priceId: 'cerebras',
    telemetryName: 'cerebras',
  },
  perplexity: {
    baseUrl: 'https://api.perplexity.ai',
    keyVariable: 'PERPLEXITY_API_KEY',
    priceId: 'perplexity',
    telemetryName: 'perplexity',
    drain: BILLED_ANYWAY,
  },
  moonshot: {
    baseUrl: 'https://api.moonshot.ai/v1',
    keyVariable: 'MOONSHOT_API_KEY',
    priceId: 'moonshotai',
    telemetryName: 'moonshot_ai',
  },
  ollama: local('http://127.0.0.1:11434/v1', 'ollama'),
  vllm: local('http://127.0.0.1:8000/v1', 'vllm'),
  lmstudio: local('http://127.0.0.1:1234/v1', 'lmstudio'),
}

function local(baseUrl: string, telemetryName: string): Omit<Vendor, 'name' | 'protocol'> {
  return { baseUrl, keyVariable: null, priceId: null, telemetryName, local: true }
}

export const VENDORS: readonly Vendor[] = (Object.keys(ROWS) as VendorName[]).map((name) =>
  Object.freeze({ name, protocol: VENDOR_PROTOCOLS[name], ...ROWS[name] }),
)

const BY_NAME: ReadonlyMap<string, Vendor> = new Map(VENDORS.map((vendor) => [vendor.name, vendor]))

/** The row of a vendor; `undefined` for a name that only a policy knows. */
export function vendorOf(name: string): Vendor | undefined {
  return isVendorName(name) ? BY_NAME.get(name) : undefined
}
