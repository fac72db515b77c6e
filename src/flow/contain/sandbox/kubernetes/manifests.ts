import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import type { IPod, ISecret } from 'kubernetes-models/v1'
import type { JsonObject } from '../../../../action/json.ts'
import type { SandboxSpec } from '../provider.ts'

export interface PodPlan {
  readonly name: string
  readonly namespace: string
  readonly image: string
  /** Such as `gvisor` or `kata`: a kernel of its own for the pod. */
  readonly runtimeClass: string
  /** Claim on which the data folder lies, and the workspace's place on it. */
  readonly claim: string
  readonly subPath: string
  readonly labels: Readonly<Record<string, string>>
}

const UID = 65_534

/** Nothing goes in and nothing comes out, also for pods of the namespace that other policies let talk. */
export function networkPolicy({ name, namespace, labels }: PodPlan): JsonObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace, labels },
    spec: { podSelector: { matchLabels: { 'belay.run': name } }, policyTypes: ['Ingress', 'Egress'] },
  } satisfies INetworkPolicy
}

/** The environment, apart from the pod, which more people may read. */
export function environmentSecret({ name, namespace, labels }: PodPlan, env: SandboxSpec['env']): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels },
    type: 'Opaque',
    immutable: true,
    stringData: { ...env },
  } satisfies ISecret
}

export function podManifest(plan: PodPlan, { command, cwd, quotas }: SandboxSpec): JsonObject {
  const { name, namespace, image, runtimeClass, claim, subPath, labels } = plan
  const limits = {
    ...(quotas.memory !== undefined && { memory: String(quotas.memory) }),
    ...(quotas.cpu !== undefined && { cpu: `${Math.ceil(quotas.cpu * 1_000)}m` }),
    'ephemeral-storage': '64Mi',
  }
  const scratch = ['/tmp', '/run', '/home/agent']
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: { ...labels, 'belay.run': name } },
    spec: {
      restartPolicy: 'Never',
      runtimeClassName: runtimeClass,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      hostNetwork: false,
      hostPID: false,
      hostIPC: false,
      hostname: 'agent',
      dnsPolicy: 'None',
      // Somebody has to be named; nothing answers there.
      dnsConfig: { nameservers: ['127.0.0.1'] },
      terminationGracePeriodSeconds: 0,
      ...(quotas.wallTime !== undefined && { activeDeadlineSeconds: Math.ceil(quotas.wallTime / 1_000) }),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: UID,
        runAsGroup: UID,
        fsGroup: UID,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'agent',
          image,
          imagePullPolicy: 'IfNotPresent',
          command: [...command],
          workingDir: cwd === undefined ? '/workspace' : cwd.startsWith('/') ? cwd : `/workspace/${cwd}`,
          env: [{ name: 'HOME', value: '/home/agent' }],
          envFrom: [{ secretRef: { name } }],
          resources: { limits, requests: limits },
          securityContext: {
            allowPrivilegeEscalation: false,
            privileged: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [
            { name: 'workspace', mountPath: '/workspace', subPath },
            ...scratch.map((mountPath, n) => ({ name: `scratch-${n}`, mountPath })),
          ],
        },
      ],
      volumes: [
        { name: 'workspace', persistentVolumeClaim: { claimName: claim } },
        ...scratch.map((_, n) => ({
          name: `scratch-${n}`,
          emptyDir: { medium: 'Memory', sizeLimit: '64Mi' },
        })),
      ],
    },
  } satisfies IPod
}
