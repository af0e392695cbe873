/** What must hold for every exchange, whatever it is about. */
import { hash } from 'node:crypto'
import { ASSIGNMENTS, NOW, sessionOf, UPSTREAM_REGIONS, upstreamAccessKeyId, upstreamSecret } from './cast.ts'
import { authorizationOf, pairs } from './client.ts'
import type { Message, Played } from './exchange-file.ts'

/** Headers that mean something and are not signed would be anybody's to change; these mean nothing to an upstream's store. */
const MAY_BE_UNSIGNED: ReadonlySet<string> = new Set(['authorization', 'connection', 'content-length'])

/** Everything that is wrong with a request to the upstream, by @smithy/signature-v4's and S3's own rules. */
export async function outboundProblems(request: Message): Promise<string[]> {
  const headers = new Map(pairs(request.rawHeaders).map(([name, value]) => [name.toLowerCase(), value]))
  const get = (name: string): string => headers.get(name) ?? ''
  const authorization = get('authorization')
  const parts = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/20261124\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=/.exec(authorization)
  if (parts === null) return [`authorization is ${authorization}`]
  const [, accessKeyId = '', region = '', signedList = ''] = parts
  const account = [...UPSTREAM_REGIONS.keys()].find((id) => upstreamAccessKeyId(id) === accessKeyId)
  if (account === undefined || UPSTREAM_REGIONS.get(account) !== region) return [`credential ${accessKeyId} for region ${region}`]
  const signed = signedList.split(';')
  const problems = [...headers.keys()]
    .filter((name) => !signed.includes(name) && !MAY_BE_UNSIGNED.has(name))
    .map((name) => `header ${name} goes out unsigned`)
  if (headers.size !== request.rawHeaders.length / 2) problems.push('a header goes out twice')
  const [method = '', rawTarget = ''] = request.first.split(' ')
  const byOracle = await authorizationOf({
    method,
    rawTarget,
    headers: Object.fromEntries(signed.map((name) => [name, get(name)])),
    region,
    signedAt: NOW,
    credentials: { accessKeyId, secretAccessKey: upstreamSecret(account) }
  })
  if (byOracle !== authorization) problems.push(`@smithy/signature-v4 signs this with ${byOracle}`)
  return [...problems, ...payloadProblems(get('x-amz-content-sha256'), get('x-amz-decoded-content-length'), request.body)]
}

function payloadProblems(contentSha256: string, decodedLength: string, body: Buffer): string[] {
  if (contentSha256 === 'UNSIGNED-PAYLOAD') return []
  if (contentSha256 === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') {
    const size = Number.parseInt(body.toString('latin1', 0, 12), 16)
    return String(size) === decodedLength ? [] : [`the frame holds ${size} bytes, the head says ${decodedLength}`]
  }
  return contentSha256 === hash('sha256', body, 'hex') ? [] : ['x-amz-content-sha256 is not that of the body']
}

/** What no answer may show: the upstream's names, keys of the proxy, and everything that the scripted answers mark as theirs. */
const SECRETS: readonly RegExp[] = [
  ...ASSIGNMENTS.map(({ upstreamBucket }) => new RegExp(`\\b${upstreamBucket}\\b`)),
  /pool-[0-9a-f]\b/,
  /upstream\.test/,
  /UPSTREAM/,
  /minio/i,
  /^x-amz-meta-sluice/im,
  /111122223333/,
  /foreign/
]

/** What of the upstream's own an answer shows. */
export function leaks(answer: Message): string[] {
  const text = [answer.first, ...answer.rawHeaders, answer.body.toString('latin1')].join('\n')
  return SECRETS.flatMap((secret) => secret.exec(text)?.[0] ?? []).map((shown) => `the client is shown ${shown}`)
}

/** Keys outside of every place of a tenant of the exchange, and the client's own credentials, in what went out. */
export function straying({ request, events }: Played, caller: string): string[] {
  const { sessionToken, accessKeyId } = sessionOf(caller)
  return events.flatMap((event) => {
    if (event.kind !== 'upstream') return []
    const text = [event.request.first, ...event.request.rawHeaders].join('\n')
    const credentials = [sessionToken, accessKeyId].filter((secret) => text.includes(secret)).map(() => 'the client’s credentials go upstream')
    return isInPlace(event.request) ? credentials : [...credentials, `${event.request.first} is outside of every place (${request.first})`]
  })
}

/** True for a request on a bucket, and for one on a key below the prefix of the tenant that lives in the bucket. */
function isInPlace({ first, rawHeaders }: Message): boolean {
  const host = pairs(rawHeaders).find(([name]) => name === 'host')?.[1] ?? ''
  const target = first.split(' ')[1] ?? ''
  const virtual = /^(bucket-[a-z])\./.exec(host)?.[1]
  const [, bucket = '', key = ''] = /^\/([^/?]+)(?:\/([^?]*))?/.exec(virtual === undefined ? target : `/${virtual}${target}`) ?? []
  if (key === '') return true
  const assignment = ASSIGNMENTS.find(({ upstreamBucket }) => upstreamBucket === bucket)
  return assignment === undefined ? /^pool-[0-9a-f]$/.test(bucket) && /^[a-z0-9-]+\/./.test(key) : key.startsWith(assignment.keyPrefix)
}
