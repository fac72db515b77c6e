import type { FastifyInstance } from 'fastify'
import type { JsonObject } from '../../action/json.ts'
import { actionAnswer } from '../http-api/action-answer.ts'
import { proposal, proposalOf, type ProposeBody } from '../http-api/proposal.ts'
import { routeSchema } from '../http-api/route-schema.ts'
import { object } from '../http-api/schemas.ts'
import type { Flow } from '../../flow/flow.ts'
import type { PromptRegistry } from '../prompts/prompt-registry.ts'
import {
  inputOf,
  LANGUAGES,
  LIMIT_BOUNDS,
  LIMIT_NAMES,
  MAX_CODE,
  SNIPPET_ACTION,
  SNIPPET_LIMITS,
  snippetFrom,
} from './snippet.ts'
import type { SnippetLimits } from './snippet.ts'
import type { SnippetDesk } from './snippet-desk.ts'

type Body = Omit<ProposeBody, 'action' | 'input' | 'start'> & JsonObject

export interface SnippetDoorOptions {
  readonly flow: Flow
  readonly prompts: Pick<PromptRegistry, 'factsOf'>
  /** Opened with the first snippet. */
  readonly desk: () => Promise<SnippetDesk>
}

const OF_THE_SNIPPET = ['language', 'code', 'files', 'stdin', 'limits'] as const
const { action: _name, input: _input, start: _start, ...ofTheProposal } = proposal.properties

const limits = object(
  Object.fromEntries(
    (Object.keys(LIMIT_NAMES) as (keyof SnippetLimits)[]).map((key) => {
      const [minimum, maximum] = LIMIT_BOUNDS[key]
      const type = key === 'cpu' ? 'number' : 'integer'
      return [LIMIT_NAMES[key], { type, minimum, maximum, description: `${SNIPPET_LIMITS[key]} unless told` }]
    }),
  ),
)

const body = object(
  {
    ...ofTheProposal,
    language: { type: 'string', enum: LANGUAGES },
    code: { type: 'string', maxLength: MAX_CODE },
    files: {
      type: 'object',
      description: 'files beside the code, by relative path: a text, or {"base64": …}',
      additionalProperties: {
        anyOf: [{ type: 'string' }, object({ base64: { type: 'string' } }, ['base64'])],
      },
    },
    stdin: { type: 'string' },
    limits,
  },
  ['language', 'code'],
)

/** `POST /v1/snippets`: generated code in a sandbox of its own, as the action `code.run`. */
export function snippetDoor({ flow, prompts, desk }: SnippetDoorOptions): (app: FastifyInstance) => void {
  return (app) => {
    app.post<{ Body: Body }>(
      '/v1/snippets',
      {
        config: { access: 'agent' },
        schema: routeSchema({
          summary:
            'Run generated code in a fresh sandbox without a network, as the action code.run. A denial is an answer; what is held runs when the call is repeated with its idempotency key after the approval.',
          tag: 'actions',
          body,
          answers: {
            200: {
              description: 'How the action stands; `result` is null while nothing ran',
              schema: object(
                {
                  action: { $ref: 'Action#' },
                  result: { type: ['object', 'null'], additionalProperties: true },
                },
                ['action', 'result'],
              ),
            },
          },
        }),
      },
      async (request) => {
        const said = request.body
        const parts = OF_THE_SNIPPET.flatMap((key) =>
          said[key] === undefined ? [] : [[key, said[key]] as const],
        )
        const snippet = snippetFrom(Object.fromEntries(parts))
        const { headers, principal } = request
        const by = await proposalOf(
          { headers, principal, body: { ...said, action: SNIPPET_ACTION, input: inputOf(snippet) } },
          prompts,
        )
        // The code may run for longer than the server lets a connection idle.
        request.raw.socket.setTimeout(0)
        const answer = await (await desk()).run(snippet, by)
        return { action: await actionAnswer(flow, answer.action, answer.input), result: answer.result }
      },
    )
  }
}
