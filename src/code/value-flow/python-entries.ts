import type { Expression } from '../flow-graph/expressions.ts'
import type { FunctionInfo } from '../flow-graph/functions.ts'
import { textOf } from '../flow-graph/module.ts'
import { PYTHON, type PythonSource, request } from '../models/python.ts'
import type { ApiCall } from './call-api.ts'
import { taintFrom } from './load.ts'
import { PART, type Run } from './run.ts'
import { PLAIN, type Value } from './value.ts'

/** Packages whose decorators make a function a tool of a model. */
const TOOLS =
  /^\s*(?:from|import)\s+(?:mcp|fastmcp|langchain\w*|langgraph|crewai\w*|smolagents|agents|pydantic_ai|strands|autogen\w*|semantic_kernel|llama_index|agno|agent_framework|google\.adk)\b/m
const IS_TOOL =
  /^(?:tool|tool_plain|function_tool|resource|call_tool|read_resource|get_prompt|kernel_function|ai_function)$/
const GRAPHQL = /\b(?:graphene|strawberry|ariadne)\b/
const MOST_INPUTS = 8
const VIEW = /(?:View|ViewSet|Mixin)$/
const VERB = /^(?:get|post|put|patch|delete|dispatch|list|create|retrieve|update|partial_update|destroy)$/
/** What a framework adds beside the arguments. */
const ADDED = /^(?:self|cls|_|info|root|parent|ctx|context|run_context|runtime|request|event|args)$/
const ADDED_TYPE = /Context|Runtime|\bInfo\b/

/** What a framework calls a function with at a parameter, told by decorators and by the class around; null for nothing. */
export function entryParameter(
  fn: FunctionInfo,
  name: string,
  index: number,
  type: string,
): PythonSource | null {
  if (index === 0 && isLambda(fn, name)) return { kind: 'request', what: 'the event' }
  if (ADDED_TYPE.test(type)) return null
  if (isTool(fn)) return ADDED.test(name) ? null : { kind: 'tool', what: "the tool's input" }
  if (isResolver(fn)) return ADDED.test(name) ? null : { kind: 'request', what: "the query's arguments" }
  if (isViewMethod(fn) && index > 0 && !/^(?:args|format)$/.test(name)) return request('path parameters')
  return null
}

/** Gradio calls what it is given with what visitors typed. */
export function calledByVisitors(run: Run, { ref, node, args }: ApiCall): void {
  if (ref.package !== `${PYTHON}gradio`) return
  const given = args.flatMap((each) => [
    each,
    ...each.refs.flatMap((one) => (one.kind === 'object' ? [...one.fields.values()] : [])),
  ])
  const typed = taintFrom(run, `${node.at}`, { kind: 'request', what: 'what a visitor typed' }, node)
  for (const each of given)
    if (each.refs.some((one) => one.kind === 'function'))
      PART.invoke(run, each, Array<Value>(MOST_INPUTS).fill(typed), PLAIN, node)
}

function isTool({ decorators, module }: FunctionInfo): boolean {
  return (
    decorators.some((each) => IS_TOOL.test(lastName(each) ?? '')) && TOOLS.test(module.text.slice(0, 20_000))
  )
}

/** Graphene by its classes and names, Strawberry and Ariadne by their decorators. */
function isResolver({ decorators, module, class: owner, name }: FunctionInfo): boolean {
  const resolves =
    decorators.some((each) => /^(?:field|mutation|subscription)$/.test(lastName(each) ?? '')) ||
    (owner !== null &&
      owner.superClass !== null &&
      /^(?:mutate(?:_and_get_payload)?|resolve_\w+)$/.test(name) &&
      /(?:Mutation|ObjectType|Interface)$/.test(textOf(module, owner.superClass)))
  return resolves && GRAPHQL.test(module.text)
}

/** `get(self, request, slug)` of a view of Django's that is a class. */
function isViewMethod({ class: owner, name, module }: FunctionInfo): boolean {
  return (
    owner !== null &&
    owner.superClass !== null &&
    VERB.test(name) &&
    VIEW.test(textOf(module, owner.superClass)) &&
    /\b(?:django|rest_framework)\b/.test(module.text)
  )
}

function isLambda({ name, params, class: owner, parent }: FunctionInfo, first: string): boolean {
  return (
    owner === null &&
    parent?.form === 'module' &&
    first === 'event' &&
    params.length === 2 &&
    (name.endsWith('handler') || name === 'main')
  )
}

function lastName(decorator: Expression): string | null {
  const callee = decorator.kind === 'call' ? decorator.callee : decorator
  return callee.kind === 'member' ? callee.property : callee.kind === 'name' ? callee.name : null
}
