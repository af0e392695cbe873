import { createHash } from 'node:crypto'
import { exportJWK, generateKeyPair, generateSecret, SignJWT, type CryptoKey, type JWK } from 'jose'
import { createKeySet, type KeySet, type KeySetOptions } from '../../../proxy/identity/jwks.ts'
import type { Issuer } from '../../../proxy/identity/issuers.ts'
import { readKeyRing, type KeyRing, type RandomBytes } from '../../../proxy/identity/key-ring.ts'
import type { NewSession } from '../../../proxy/identity/session.ts'

export const NOW = new Date('2026-11-22T02:00:00Z')
export const later = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000)

/** Bytes that look random and are the same at every run. */
export function countedRandom(seed = 'fixture'): RandomBytes {
  let count = 0
  return (size) => {
    count += 1
    return createHash('shake256', { outputLength: size }).update(`${seed} ${count}`).digest()
  }
}

export const keyText = (seed: string, size = 32): string => createHash('shake256', { outputLength: size }).update(seed).digest('base64')

export interface RingRow {
  readonly kid: string
  readonly state: string
  readonly seed?: string
}

export function ringText(rows: readonly RingRow[]): string {
  return JSON.stringify(rows.map(({ kid, state, seed }) => ({ kid, key: keyText(seed ?? kid), state })))
}

export const ringOf = (...rows: readonly RingRow[]): KeyRing => readKeyRing(ringText(rows))

export const RING = ringOf({ kid: '0a0a0a0a', state: 'active' }, { kid: '0b0b0b0b', state: 'accept' })

export const CLAIMS: NewSession = {
  issuer: 'prod-eu',
  subject: 'system:serviceaccount:billing:invoicer',
  role: 'service',
  namespace: 'billing',
  serviceAccount: 'invoicer',
  serviceAccountUid: '11111111-aaaa-4bbb-8ccc-000000000001',
  podUid: '22222222-aaaa-4bbb-8ccc-000000000002',
  sessionPolicy: null
}

/** The same text with one character exchanged for another of the alphabet. */
export function withOtherChar(text: string, at: number): string {
  const other = text[at] === 'A' ? 'B' : 'A'
  return text.slice(0, at) + other + text.slice(at + 1)
}

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey | Uint8Array
  readonly jwk: JWK
}

export async function signingKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  if (alg.startsWith('HS')) {
    const secret = await generateSecret(alg, { extractable: true })
    return { kid, alg, privateKey: secret, jwk: { ...(await exportJWK(secret)), kid } }
  }
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

export interface TokenShape {
  readonly header?: Readonly<Record<string, unknown>>
  /** `undefined` takes a claim away. */
  readonly claims?: Readonly<Record<string, unknown>>
}

export const ISS = 'https://kubernetes.default.svc.cluster.local'
export const AUDIENCE = 'sluice.prod-eu'

export function kubernetesClaims(namespace = 'billing', name = 'invoicer'): Readonly<Record<string, unknown>> {
  return {
    namespace,
    node: { name: 'n1', uid: 'node-1' },
    pod: { name: `${name}-1`, uid: 'pod-1' },
    serviceaccount: { name, uid: 'sa-1' }
  }
}

export async function tokenBy(key: SigningKey, { header = {}, claims = {} }: TokenShape = {}): Promise<string> {
  const iat = NOW.getTime() / 1000 - 10
  const payload = {
    iss: ISS,
    aud: [AUDIENCE],
    sub: 'system:serviceaccount:billing:invoicer',
    iat,
    nbf: iat,
    exp: iat + 3600,
    'kubernetes.io': kubernetesClaims(),
    ...claims
  }
  return new SignJWT(JSON.parse(JSON.stringify(payload)) as Record<string, unknown>)
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey)
}

export function keySet(load: () => Promise<unknown>, options: Partial<KeySetOptions> = {}): KeySet {
  return createKeySet({
    load,
    now: () => NOW,
    refreshMs: 300_000,
    maxStaleMs: 3_600_000,
    unknownKidCooldownMs: 30_000,
    failureBackoffMs: 30_000,
    onFetch: () => {},
    ...options
  })
}

export function issuer(keys: KeySet, differences: Partial<Issuer> = {}): Issuer {
  return {
    id: 'prod-eu',
    issuer: ISS,
    isDefault: true,
    audiences: [AUDIENCE],
    algorithms: ['RS256', 'ES256'],
    maxTokenTtlSeconds: 7200,
    clockToleranceSeconds: 30,
    requirePodBinding: true,
    stsPathOnly: false,
    roleRules: [],
    review: null,
    keys,
    ...differences
  }
}
