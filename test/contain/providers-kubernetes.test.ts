import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import { Pod, Secret } from 'kubernetes-models/v1'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { JsonObject } from '../../src/action/json.ts'
import { KubernetesProvider } from '../../src/flow/contain/sandbox/kubernetes/kubernetes.ts'
import type { SandboxSpec } from '../../src/flow/contain/sandbox/provider.ts'

const KINDS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  NetworkPolicy,
  Pod,
  Secret,
}

/** What the schemas of the Kubernetes API say against it; `null`: nothing. */
function faultOf(body: JsonObject): string | null {
  const Kind = KINDS[body['kind'] as string]
  if (Kind === undefined) return `no schema for ${JSON.stringify(body['kind'])}`
  try {
    new Kind(body as never).validate()
    return null
  } catch (error) {
    return (error as Error).message
  }
}

let server: Server
let folder: string
let provider: KubernetesProvider
/** What the stand-in API server holds, by path, and what it was asked in order. */
let objects: Map<string, JsonObject>
let asked: string[]
let ending: JsonObject

beforeEach(async () => {
  objects = new Map()
  asked = []
  ending = { phase: 'Succeeded', containerStatuses: [{ state: { terminated: { exitCode: 0 } } }] }
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url!.split('?')[0]!
    asked.push(`${request.method} ${path.replace(/belay-[0-9a-f]{16}/, 'NAME')}`)
    const answer = (status: number, body: JsonObject): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.headers.authorization !== 'Bearer secret-token') return answer(401, { message: 'who?' })
    if (request.method === 'POST') {
      const body = JSON.parse(await text(request)) as JsonObject & { metadata: { name: string } }
      const fault = faultOf(body)
      if (fault !== null) return answer(422, { message: fault })
      objects.set(`${path}/${body.metadata.name}`, body)
      return answer(201, body)
    }
    if (path.endsWith('/log')) return void response.end('said this\n')
    const found = objects.get(path)
    if (found === undefined) return answer(404, { message: 'not found' })
    if (request.method === 'DELETE') objects.delete(path)
    answer(200, { ...found, status: ending })
  }
  server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  folder = mkdtempSync(join(tmpdir(), 'belay-kubernetes-'))
  mkdirSync(join(folder, 'agents/one/workspace'), { recursive: true })
  provider = open()
})

function open(more: { readonly image?: string } = {}): KubernetesProvider {
  return new KubernetesProvider({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: () => 'secret-token',
    namespace: 'agents',
    image: 'registry.example.com/agent:1',
    runtimeClass: 'gvisor',
    claim: 'belay-data',
    mountedAt: folder,
    pollMs: 5,
    probe: () => Promise.reject(new Error('not asked')),
    ...more,
  })
}

afterEach(async () => {
  await new Promise((resolve) => server.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

const spec = (more: Partial<SandboxSpec> = {}): SandboxSpec => ({
  agent: 'one',
  command: ['node', 'agent.js'],
  workspace: join(folder, 'agents/one/workspace'),
  env: { KEY: 'value' },
  network: 'none',
  quotas: { memory: 64 * 1024 * 1024, cpu: 0.5, wallTime: 1_500 },
  require: [],
  profile: 'agent',
  stdio: 'pipe',
  ...more,
})

it('puts the walls up first, runs a pod that has nothing but its workspace, and leaves nothing behind', async () => {
  const seen: JsonObject[] = []
  const set = objects.set.bind(objects)
  objects.set = (path, object) => (seen.push(object), set(path, object))
  const sandbox = await provider.launch(spec())
  expect(await text(sandbox.stdout!)).toBe('said this\n')
  expect(await sandbox.exited).toMatchObject({ code: 0, cause: 'exited' })
  expect(seen.map(({ kind }) => kind)).toEqual(['NetworkPolicy', 'Secret', 'Pod'])
  const [policy, , pod] = seen
  expect(policy!['spec']).toMatchObject({ policyTypes: ['Ingress', 'Egress'] })
  expect(policy!['spec']).not.toHaveProperty('egress')
  expect(pod!['spec']).toMatchObject({
    runtimeClassName: 'gvisor',
    automountServiceAccountToken: false,
    restartPolicy: 'Never',
    activeDeadlineSeconds: 2,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        resources: { limits: { memory: '67108864', cpu: '500m' } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [{ mountPath: '/workspace', subPath: 'agents/one/workspace' }, {}, {}, {}],
      },
    ],
  })
  expect(JSON.stringify(pod)).not.toContain('"value":"value"')
  expect(JSON.stringify(pod)).not.toContain('hostPath')
  expect([...objects.keys()]).toEqual([])
})

it.each<[JsonObject, JsonObject]>([
  [
    { phase: 'Failed', containerStatuses: [{ state: { terminated: { exitCode: 3 } } }] },
    { code: 3, cause: 'exited' },
  ],
  [
    {
      phase: 'Failed',
      containerStatuses: [{ state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } }],
    },
    { code: null, cause: 'memory' },
  ],
  [
    { phase: 'Failed', reason: 'DeadlineExceeded' },
    { code: null, cause: 'wall_time' },
  ],
  [
    { phase: 'Failed', reason: 'Evicted' },
    { code: null, cause: 'harness' },
  ],
])('reads the end from the status %j', async (status, expected) => {
  ending = status
  expect(await (await provider.launch(spec())).exited).toMatchObject(expected)
})

it('ends with its pod when it is killed, and cannot freeze', async () => {
  ending = { phase: 'Running' }
  const sandbox = await provider.launch(spec())
  await expect(sandbox.freeze()).rejects.toMatchObject({ code: 'sandbox:unavailable' })
  expect(await sandbox.kill('stopped')).toMatchObject({ cause: 'stopped' })
  expect([...objects.keys()]).toEqual([])
})

it.each<[string, Partial<SandboxSpec>, string]>([
  ['a network', { network: () => undefined }, 'sandbox:unavailable'],
  ['a browser', { profile: 'browser' }, 'sandbox:unavailable'],
  ['a limit of processes', { quotas: { processes: 5 } }, 'sandbox:unavailable'],
  ['files of this machine', { readOnly: ['/opt'] }, 'sandbox:unavailable'],
  ['an empty command', { command: [] }, 'sandbox:refused'],
  ['a workspace that is not on the claim', { workspace: '/tmp' }, 'sandbox:refused'],
])('refuses %s before it asks anybody', async (_, more, code) => {
  await expect(provider.launch(spec(more))).rejects.toMatchObject({ code })
  expect(asked).toEqual([])
})

it('is held against the schemas of the API: what breaks one is refused', async () => {
  expect(faultOf({ apiVersion: 'v1', kind: 'Pod', spec: { containers: [{ image: 'x' }] } })).toContain(
    'must have required property',
  )
  await expect(open({ image: 7 as unknown as string }).launch(spec())).rejects.toMatchObject({
    code: 'sandbox:unavailable',
    message: expect.stringContaining('must be string'),
  })
})
