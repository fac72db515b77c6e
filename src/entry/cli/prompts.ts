import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import type { JsonObject } from '../../action/json.ts'
import type { PolicyFault } from '../../policy/policy.ts'
import type { ApiClient } from '../sdk/api-client.ts'
import type { PromptFile } from '../prompts/read-prompt-file.ts'
import { objectOf, objectsOf, textOf, timeOf } from './answer.ts'
import { withConnection } from './connect.ts'
import { diffLines } from './diff-lines.ts'
import { escapeText } from './escape.ts'
import { CommandFailure, faultLines } from './failure.ts'
import { wholeNumber, withHarness, withJson, withPerson } from './options.ts'
import type { HarnessOptions, PrintOptions } from './options.ts'
import { fields, json, line, note, paint, relativeTime, table } from './print.ts'

type Options = HarnessOptions & PrintOptions

const REF = 'name, name@version or name@label'

export function addPrompts(program: Command): void {
  const prompts = program.command('prompts').description('the registry of prompts: versions and labels')
  const command = (name: string, description: string): Command =>
    withJson(withHarness(prompts.command(name).description(description)))
  command('list', 'all prompts').action(list)
  command('show', 'a prompt, its versions and the text of one').argument('<prompt>', REF).action(show)
  withPerson(command('push', 'files or folders of prompts: a changed one is a new version'))
    .argument('<paths...>')
    .action(push)
  withPerson(command('label', 'let a label name a version'))
    .argument('<name>')
    .argument('<label>')
    .argument('<version>', 'a version', wholeNumber(1, 999_999_999))
    .action(label)
  command('render', 'a prompt with its variables filled in')
    .argument('<prompt>', REF)
    .option('--var <name=value>', 'a variable; give it again for each', variable, {})
    .action(render)
  command('diff', 'what changes from one version to another; exit code 1 when something does')
    .argument('<name>')
    .argument('<before>', 'a version or a label')
    .argument('[after]', 'a version or a label', 'latest')
    .action(diff)
}

function variable(text: string, before: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('Expected name=value.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

async function list(options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const answer = await client.object('GET', '/v1/prompts')
    if (options.json === true) return json(answer)
    const items = objectsOf(answer['items'])
    if (items.length === 0) return line('no prompts')
    table(
      ['PROMPT', 'VERSIONS', 'LABELS', 'CHANGED'],
      items.map((each) => [
        textOf(each['name']),
        textOf(each['version']),
        objectsOf(each['labels'])
          .map((one) => `${textOf(one['label'])}=${textOf(one['version'])}`)
          .join(' '),
        relativeTime(timeOf(each['updated_at'])),
      ]),
    )
  })
}

async function show(ref: string, options: Options): Promise<void> {
  const { name, which } = parted(ref)
  await withConnection(options, 'folder', async ({ client }) => {
    const prompt = await client.object('GET', pathOf(name))
    const version = await versionOf(client, name, which)
    if (options.json === true) return json({ ...prompt, shown: version })
    table(
      ['VERSION', 'LABELS', 'MADE', 'BY', 'CALLS', 'NOTE'],
      objectsOf(prompt['versions']).map((each) => [
        textOf(each['version']),
        textsOf(each['labels']).join(' '),
        relativeTime(timeOf(each['created_at'])),
        textOf(each['created_by']),
        textOf(objectOf(each['stats'])['actions'] ?? ''),
        textOf(each['note'] ?? ''),
      ]),
    )
    line()
    fields([
      ['prompt', `${name}@${textOf(version['version'])}`],
      ['digest', textOf(version['digest'])],
      ['variables', textsOf(version['variables']).join(', ') || 'none'],
      ['config', JSON.stringify(version['config'])],
    ])
    line()
    printText(version)
  })
}

async function push(paths: readonly string[], options: Options): Promise<void> {
  const files = await filesAt(paths)
  await withConnection(options, 'create', async ({ client }) => {
    const pushed: JsonObject[] = []
    for (const { content, note: why, ...rest } of files) {
      const { kind, ...said } = content
      const body = { ...rest, ...said, ...(why !== null && { note: why }) } as unknown as JsonObject
      const known = await newestOf(client, rest.name)
      const version = await client.object('POST', '/v1/prompts', { body })
      const created = version['version'] !== known
      pushed.push({ ...version, created, kind })
      if (options.json !== true)
        line(
          escapeText(
            `${rest.name}@${textOf(version['version'])} ${created ? 'is new' : 'says the same'}${labelsOf(version)}`,
          ),
        )
    }
    if (options.json === true) json({ items: pushed })
  })
}

async function newestOf(client: ApiClient, name: string): Promise<number | null> {
  const { items } = await client.object('GET', '/v1/prompts')
  const found = objectsOf(items).find((each) => each['name'] === name)
  return typeof found?.['version'] === 'number' ? found['version'] : null
}

async function label(name: string, named: string, to: number, options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const path = `${pathOf(name)}/labels/${encodeURIComponent(named)}`
    const version = await client.object('PUT', path, { body: { version: to } })
    if (options.json === true) return json(version)
    line(escapeText(`${named} is ${name}@${textOf(version['version'])}`))
  })
}

async function render(ref: string, options: Options & { var: Record<string, string> }): Promise<void> {
  const { name, which } = parted(ref)
  await withConnection(options, 'folder', async ({ client }) => {
    const body: JsonObject = {
      variables: options.var,
      ...(/^[0-9]+$/.test(which) ? { version: Number(which) } : { label: which }),
    }
    const rendered = await client.object('POST', `${pathOf(name)}/render`, { body })
    if (options.json === true) return json(rendered)
    note(`belay: ${escapeText(textOf(rendered['ref']))}`)
    printText(rendered)
  })
}

async function diff(name: string, before: string, after: string, options: Options): Promise<void> {
  await withConnection(options, 'folder', async ({ client }) => {
    const [one, other] = await Promise.all([versionOf(client, name, before), versionOf(client, name, after)])
    const changes = diffLines(linesOf(one), linesOf(other))
    if (changes.some(({ sign }) => sign !== ' ')) process.exitCode = 1
    if (options.json === true) return json({ before: one, after: other, changes })
    if (process.exitCode !== 1) return line('they say the same')
    line(escapeText(`${name}@${textOf(one['version'])} → ${name}@${textOf(other['version'])}`))
    for (const { sign, text } of changes)
      line(paint(sign === '+' ? 'green' : sign === '-' ? 'red' : undefined, `${sign} ${escapeText(text)}`))
  })
}

async function filesAt(paths: readonly string[]): Promise<readonly PromptFile[]> {
  const [{ readPromptFile }, { readPromptFolder }] = await Promise.all([
    import('../prompts/read-prompt-file.ts'),
    import('../prompts/read-prompt-folder.ts'),
  ])
  const files: PromptFile[] = []
  const faults: PolicyFault[] = []
  for (const path of paths) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
      const read = readPromptFolder(path)
      files.push(...read.prompts.map(({ prompt }) => prompt))
      faults.push(...read.faults)
      continue
    }
    const read = readPromptFile(textAt(path), path, basename(path).replace(/\.[a-z]+$/, ''))
    if (read.prompt === null) faults.push(...read.faults)
    else files.push(read.prompt)
  }
  if (faults.length > 0) {
    for (const text of faultLines(faults)) note(text)
    throw new CommandFailure('Nothing was pushed.', { advice: 'Mend the faults above first.' })
  }
  return files
}

function textAt(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new CommandFailure(`${path} cannot be read.`, { cause: error })
  }
}

/** The version that a number or a label names. */
async function versionOf(client: ApiClient, name: string, which: string): Promise<JsonObject> {
  const { versions } = await client.object('GET', pathOf(name))
  const found = objectsOf(versions).find(
    (each) => textOf(each['version']) === which || textsOf(each['labels']).includes(which),
  )
  if (found === undefined) throw new CommandFailure(`There is no ${which} of ${name}.`, { exitCode: 1 })
  return client.object('GET', `${pathOf(name)}/versions/${textOf(found['version'])}`)
}

function parted(ref: string): { readonly name: string; readonly which: string } {
  const [name = '', which = 'latest'] = ref.split('@', 2)
  return { name, which }
}

function pathOf(name: string): string {
  return `/v1/prompts/${encodeURIComponent(name)}`
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : []
}

function labelsOf(version: JsonObject): string {
  const labels = textsOf(version['labels'])
  return labels.length === 0 ? '' : ` (${labels.join(', ')})`
}

function textOfPrompt(version: JsonObject): string {
  if (typeof version['text'] === 'string') return version['text']
  return objectsOf(version['messages'])
    .map((message) => `[${textOf(message['role'])}]\n${textOf(message['content'])}`)
    .join('\n\n')
}

function printText(version: JsonObject): void {
  for (const each of textOfPrompt(version).split('\n')) line(escapeText(each))
}

function linesOf(version: JsonObject): string[] {
  return [...JSON.stringify(version['config'], null, 2).split('\n'), ...textOfPrompt(version).split('\n')]
}
