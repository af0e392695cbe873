import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { evaluate } from '../../../policy/evaluate.ts'
import { parsePolicy, parsePolicyText, type Policy } from '../../../policy/parse.ts'
import type { Caller } from '../../../proxy/identity/caller.ts'
import { S3Error } from '../../../proxy/s3/error.ts'
import { sourceOfBytes } from '../../../proxy/sigv4/payload/memory-source.ts'
import { acceptRequest, type AcceptedRequest } from '../../../proxy/stages/accept.ts'
import { authorize, type Grant, type PolicyDependencies } from '../../../proxy/stages/authorize.ts'
import { recognize, type Operation } from '../../../proxy/stages/recognize.ts'
import { resolvePlaces, type Place, type PlacementDependencies } from '../../../proxy/stages/resolve.ts'
import type { Authenticated } from '../../../proxy/stages/ways-in/way-in.ts'
import { compileRoles, mayTouch, namesTenant } from '../../../proxy/identity/roles.ts'
import { ALL_OBJECTS, anyStatements } from '../policy/universe.ts'

const NOW = new Date('2026-11-24T10:00:00Z')

interface Sent {
  readonly method: string
  readonly target: string
  readonly headers?: readonly string[]
  readonly body?: string
}

function deletes(keys: readonly string[]): Pick<Sent, 'headers' | 'body'> {
  const body = `<Delete>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`
  return { body, headers: ['content-md5', createHash('md5').update(body).digest('base64')] }
}

/** Requests of every shape of permission: an object, a bucket, the service, a copy source, keys in a body, tags on a write. */
const requestTo = (tenant: string, other: string): readonly Sent[] => [
  { method: 'GET', target: `/${tenant}/a/1` },
  { method: 'HEAD', target: `/${tenant}/b` },
  { method: 'GET', target: `/${tenant}/a/1?versionId=v` },
  { method: 'PUT', target: `/${tenant}/a/1` },
  { method: 'PUT', target: `/${tenant}/a%2a`, headers: ['x-amz-tagging', 'x=1&y=a'] },
  { method: 'PUT', target: `/${tenant}/a/1`, headers: ['x-amz-copy-source', `/${other}/a/2`] },
  { method: 'PUT', target: `/${tenant}/b`, headers: ['x-amz-copy-source', `/${tenant}/a/1?versionId=v`] },
  { method: 'PUT', target: `/${tenant}/b?partNumber=1&uploadId=u`, headers: ['x-amz-copy-source', `/${other}/a/2`] },
  { method: 'DELETE', target: `/${tenant}/a/1` },
  { method: 'GET', target: `/${tenant}?list-type=2&prefix=a` },
  { method: 'GET', target: `/${tenant}/a/1?tagging` },
  { method: 'PUT', target: `/${tenant}` },
  { method: 'GET', target: '/' },
  { method: 'POST', target: `/${tenant}?delete`, ...deletes(['a/1', 'b', 'a*']) }
]

async function recognized({ method, target, headers = [], body }: Sent): Promise<{ request: AcceptedRequest; operation: Operation }> {
  const bytes = Buffer.from(body ?? '')
  const rawHeaders = [
    'host',
    's3.test',
    ...headers,
    ...(method === 'PUT' || body !== undefined ? ['content-length', String(bytes.length)] : [])
  ]
  const request = acceptRequest(
    {
      head: { method, rawTarget: target, rawHeaders, remoteAddress: '10.0.0.1', secure: false },
      body: body === undefined ? null : sourceOfBytes(bytes),
      ...{ expectsContinue: false, gone: false, onGone: () => undefined, cut: () => undefined },
      answer: () => Promise.reject(new Error('not answered here'))
    },
    { domains: [] }
  )
  const proof = { request, payload: { mode: 'unsigned' }, chunkSigning: null, signedBy: 'header' } as unknown as Authenticated
  const limits = { xmlBytesMax: 65_536, completeXmlBytesMax: 65_536 }
  return { request, operation: await recognize(request, proof, { dropHeaders: new Set(), limits }) }
}

const CALLER: Caller = {
  ...{ issuer: 'i', subject: 'a', role: 'role', owner: 'a', session: 's', namespace: 'b', serviceAccount: 'a', podUid: null },
  ...{ serviceAccountUid: null, sessionPolicy: null, tenants: null, expiresAt: new Date('2026-11-24T11:00:00Z') },
  proof: { authType: 'REST-HEADER', signatureAgeMs: null, accessKeyId: 'id' }
}

const placeOf = (tenant: string): Place =>
  ({ assignment: { tenant, account: 'main', upstreamBucket: 'shared', keyPrefix: `${tenant}/`, dedicated: false }, account: {} }) as Place
const find = (tenant: string) => placeOf(tenant).assignment
const EVERYWHERE: PlacementDependencies = { ready: true, find, account: () => placeOf('').account, mayTouch: () => true }

/** The grant, or null for a denial; anything else is thrown. */
function granted(
  of: { request: AcceptedRequest; operation: Operation },
  caller: Caller,
  by: { policies: readonly Policy[]; placement: PlacementDependencies }
): Grant | null {
  const policy: PolicyDependencies = {
    policiesOf: () => by.policies,
    parseSessionPolicy: (text) => parsePolicyText(text, 'session'),
    evaluate
  }
  try {
    return authorize({ ...of, caller, places: resolvePlaces(of.request, of.operation, caller, by.placement) }, policy, NOW)
  } catch (error) {
    if (error instanceof S3Error && ['AccessDenied', 'BucketAlreadyOwnedByYou'].includes(error.code)) return null
    throw error
  }
}

/** True where everything that one grant allows the other allows too, whatever the objects turn out to be. */
function isWithin(narrow: Grant, wide: Grant): boolean {
  return (
    (!narrow.mayList() || wide.mayList()) &&
    (narrow.source === null || !narrow.source.mayList() || wide.source?.mayList() === true) &&
    ALL_OBJECTS.every(
      (object) =>
        (!narrow.admits(object) || wide.admits(object)) &&
        (narrow.source === null || !narrow.source.admits(object) || wide.source?.admits(object) === true) &&
        narrow.keys.every((admits, index) => admits?.(object) !== true || wide.keys[index]?.(object) === true)
    )
  )
}

/** Documents of the universe of policies, whose tenants `t` and `u` have names that a bucket can have. */
const documents = anyStatements.map((Statement) =>
  JSON.stringify({ Version: '2012-10-17', Statement }).replaceAll(/:::([tu])/g, ':::$1$1$1')
)
const requests = await Promise.all([...requestTo('ttt', 'uuu'), ...requestTo('uuu', 'ttt')].map(recognized))

t.test('whatever a session policy says, its grants are within those of the role', (t) => {
  const seen = { both: 0, roleOnly: 0, neither: 0, narrowed: 0 }
  fc.assert(
    fc.property(documents, documents, fc.constantFrom(...requests), (role, sessionPolicy, asked) => {
      const by = { policies: [parsePolicyText(role, 'role')], placement: EVERYWHERE }
      const wide = granted(asked, CALLER, by)
      const narrow = granted(asked, { ...CALLER, sessionPolicy }, by)
      if (narrow === null) {
        seen[wide === null ? 'neither' : 'roleOnly']++
        return true
      }
      if (wide === null) return false
      seen.both++
      if (!isWithin(wide, narrow)) seen.narrowed++
      return isWithin(narrow, wide)
    }),
    { numRuns: 4000 }
  )
  t.ok(Math.min(seen.both, seen.roleOnly, seen.neither, seen.narrowed) > 20, JSON.stringify(seen))
  t.end()
})

/** Tenants of which some are the beginnings of others, and patterns over them. */
const TENANTS = ['ten', 'uno', 'tent', 'ten-uno', 'team-a', 'team-b'] as const
const patterns = fc.uniqueArray(fc.constantFrom(...TENANTS, 't*', '???', 'team-?', 'te??'), { minLength: 1, maxLength: 3 })
const isNamed = (tenant: string, by: readonly string[]): boolean =>
  by.some((pattern) => new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(tenant))

const crossing = await Promise.all(
  TENANTS.flatMap((tenant) => TENANTS.map((other) => [tenant, other] as const)).map(async ([tenant, other]) =>
    Promise.all(requestTo(tenant, other).map(async (sent) => ({ tenant, ...(await recognized(sent)) })))
  )
)

t.test('no credential of one tenant gets a grant on a key of another, though its policies allow everything', (t) => {
  const seen = { granted: 0, refused: 0 }
  const all = [parsePolicy({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }, 'all')]
  fc.assert(
    fc.property(patterns, fc.option(patterns, { nil: null }), fc.constantFrom(...crossing.flat()), (ofRole, ofKey, asked) => {
      const roles = compileRoles([{ name: 'role', tenants: ofRole, trust: [], sessionSecondsMax: 3600 }])
      const role = roles.get('role')
      if (role === undefined) throw new Error('the role is there')
      const found: string[] = []
      const placement: PlacementDependencies = {
        ...EVERYWHERE,
        find(tenant) {
          found.push(tenant)
          return find(tenant)
        },
        mayTouch: ({ tenants }, tenant) => mayTouch(role, tenant) && (tenants === null || namesTenant(tenants, tenant))
      }
      const grant = granted(asked, { ...CALLER, tenants: ofKey }, { policies: all, placement })
      const isOwn = (tenant: string): boolean => isNamed(tenant, ofRole) && (ofKey === null || isNamed(tenant, ofKey))
      const { copySource } = asked.operation
      const touched = [...(asked.request.tenant === null ? [] : [asked.tenant]), ...(copySource === null ? [] : [copySource.bucket])]
      const mustRefuse = touched.some((tenant) => !isOwn(tenant))
      seen[grant === null ? 'refused' : 'granted']++
      // Nothing is looked up of a tenant that is not the credential's.
      if (!found.every(isOwn)) return false
      if (grant === null) return mustRefuse
      const places = [grant.place, grant.source?.place].flatMap((place) =>
        place === null || place === undefined ? [] : [place.assignment]
      )
      return !mustRefuse && places.every(({ tenant, keyPrefix }) => isOwn(tenant) && keyPrefix === `${tenant}/`)
    }),
    { numRuns: 4000 }
  )
  t.ok(Math.min(seen.granted, seen.refused) > 200, JSON.stringify(seen))
  t.end()
})
