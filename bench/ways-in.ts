// What proving the caller costs per request where nothing is new: a presigned URL with its session and signing key cached, a bearer token that was proven before.
import { createHash, hash, randomBytes } from 'node:crypto'
import { createBearerTokens } from '../proxy/identity/bearer-tokens.ts'
import { createIssuers } from '../proxy/identity/issuers.ts'
import { createKeySet } from '../proxy/identity/jwks.ts'
import { canonicalQuery } from '../proxy/sigv4/canonical-query.ts'
import { parseQueryAuthorization, QUERY_SIGNATURE, checkQueryTime } from '../proxy/sigv4/query-authorization.ts'
import { parseQuery } from '../proxy/s3/query.ts'
import { SigningKeyCache } from '../proxy/sigv4/signing-key.ts'
import { verifySignature } from '../proxy/sigv4/verify.ts'
import { presign } from '../test/integration/ways-in/presign.ts'
import { calibrate, measure, report } from './measure.ts'

const now = new Date('2026-11-24T10:20:30Z')
const credentials = { accessKeyId: 'SLUICEEXAMPLE0123456789', secretAccessKey: 'secret', sessionToken: 't'.repeat(500) }
const [rawPath = '', rawQuery = ''] = presign({ method: 'GET', host: 's3.test', path: '/tenant/a', credentials, at: now }).split('?')
const rawHeaders = ['host', 's3.test', 'accept', '*/*', 'user-agent', 'curl/8']
const signingKeys = new SigningKeyCache(100)

function presigned(): number {
  const signing = parseQueryAuthorization(parseQuery(rawQuery))
  checkQueryTime(signing, now)
  const { authorization, date } = signing
  const signingKey = signingKeys.keyFor(credentials, authorization)
  const covered = canonicalQuery(rawQuery, QUERY_SIGNATURE)
  const claimed = { method: 'GET', rawPath, canonicalQuery: covered, rawHeaders, payloadHash: 'UNSIGNED-PAYLOAD', authorization }
  if (!verifySignature({ ...claimed, amzDate: date.text, signingKey })) throw new Error('does not verify')
  return 1
}

const keys = createKeySet({
  ...{ refreshMs: 1, maxStaleMs: 1, unknownKidCooldownMs: 1, failureBackoffMs: 1, now: () => now, onFetch: () => undefined },
  load: () => Promise.resolve({ keys: [] })
})
const issuers = createIssuers([
  {
    ...{ id: 'bench', issuer: 'https://issuer.bench', isDefault: true, audiences: ['sluice'], algorithms: ['ES256'] },
    ...{
      maxTokenTtlSeconds: 3600,
      clockToleranceSeconds: 30,
      requirePodBinding: true,
      roleRules: [],
      stsPathOnly: false,
      review: null,
      keys
    }
  }
])
const identity = {
  ...{ issuer: 'bench', subject: 'system:serviceaccount:a:b', namespace: 'a', serviceAccount: 'b', serviceAccountUid: null, podUid: null },
  expiresAt: new Date(now.getTime() + 600_000)
}
const tokens = createBearerTokens({ issuers, now: () => now, entriesMax: 10, verifyToken: () => Promise.resolve(identity) })
const token = randomBytes(900).toString('base64url')
await tokens.verify(token, createHash('sha256').update(token).digest('hex'))

function bearer(): number {
  if (tokens.known(hash('sha256', token, 'hex')) === null) throw new Error('not known')
  return 1
}

const calibration = calibrate()
report('presigned URL, key cached', measure(presigned, 50_000), calibration)
report('bearer token, known', measure(bearer, 200_000), calibration)
