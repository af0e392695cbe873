import { createHmac, type KeyObject } from 'node:crypto'
import { parseAccessKeyId } from './access-key-id.ts'
import type { KeyRing } from './key-ring.ts'

/** A key for clients that can do nothing else. Its secret is nowhere: it is derived from the id by the sealing key named in it. */
export interface AccessKey {
  readonly accessKeyId: string
  readonly issuer: string
  readonly subject: string
  readonly namespace: string
  readonly serviceAccount: string
  /** Ids and patterns; they narrow the role's. */
  readonly tenants: readonly string[]
  readonly expiresAt: Date
}

/** The access keys that are neither expired nor revoked, in memory. */
export interface AccessKeys {
  find(accessKeyId: string): AccessKey | null
  replaceAll(keys: readonly AccessKey[]): void
}

/** Holds no key until it is loaded. */
export function createAccessKeys(): AccessKeys {
  let byId: ReadonlyMap<string, AccessKey> = new Map()
  return {
    find: (accessKeyId) => byId.get(accessKeyId) ?? null,
    replaceAll(keys) {
      byId = new Map(keys.map((key) => [key.accessKeyId, key]))
    }
  }
}

export interface OpenedAccessKey {
  readonly kind: 'access-key'
  readonly key: AccessKey
  readonly secretAccessKey: string
}

export interface AccessKeyRefusal {
  readonly kind: 'refused'
  readonly problem: 'unknown-access-key' | 'expired'
  /** Nobody's secret, so that a refusal is not told before the signature was worked on. */
  readonly decoySecret: string
}

/** Opens the access key of that id, or says why not. The signature is still to be checked. */
export function openAccessKey(
  accessKeyId: string,
  { ring, keys, now }: { readonly ring: KeyRing; readonly keys: AccessKeys; readonly now: Date }
): OpenedAccessKey | AccessKeyRefusal {
  const sealer = ring.find(parseAccessKeyId(accessKeyId)?.kid ?? '')
  const key = sealer === null ? null : keys.find(accessKeyId)
  if (sealer === null || key === null || key.expiresAt <= now) {
    // No access key id begins with a space, so this is no key's secret.
    const decoySecret = accessKeySecret(ring.active.keys['access-key'], ` ${accessKeyId}`)
    return { kind: 'refused', problem: key === null ? 'unknown-access-key' : 'expired', decoySecret }
  }
  return { kind: 'access-key', key, secretAccessKey: accessKeySecret(sealer.keys['access-key'], accessKeyId) }
}

/** The secret of an access key: shown once where the key is made, derived again wherever it is used. */
export function accessKeySecret(key: KeyObject, accessKeyId: string): string {
  return createHmac('sha256', key).update(accessKeyId).digest('base64url').slice(0, 40)
}

const SERVICE_ACCOUNT = /^system:serviceaccount:([a-z0-9-]{1,63}):([a-z0-9.-]{1,253})$/

/** Namespace and service account of a subject; null for any other, to which no role rule would give a role. */
export function serviceAccountOf(subject: string): { readonly namespace: string; readonly serviceAccount: string } | null {
  const [, namespace, serviceAccount] = SERVICE_ACCOUNT.exec(subject) ?? []
  return namespace === undefined || serviceAccount === undefined ? null : { namespace, serviceAccount }
}
