import t from 'tap'
import type { Outbound, OutboundBody } from '../../../proxy/stages/outbound.ts'
import { sendSigned } from '../../../proxy/stages/send-signed.ts'
import { collectBody } from '../../../proxy/sigv4/payload/collect.ts'
import { sourceOfBytes } from '../../../proxy/sigv4/payload/memory-source.ts'
import { SigningKeyCache } from '../../../proxy/sigv4/signing-key.ts'
import { UpstreamFault, type UpstreamRequest } from '../../../proxy/transport/transport.ts'
import type { UpstreamAccount } from '../../../proxy/upstreams/account.ts'
import { CredentialsFault, type CredentialSource, type UpstreamCredentials } from '../../../proxy/upstreams/credentials.ts'
import { PROVIDERS } from '../../../proxy/upstreams/provider.ts'

interface Reply {
  readonly status: number
  readonly code?: string
}
interface Given {
  readonly replies: readonly Reply[]
  /** What is there once a refusal made the source look; null: nothing new. */
  readonly next?: UpstreamCredentials | null
  readonly method?: Outbound['method']
  readonly body?: OutboundBody
}

const OLD: UpstreamCredentials = { accessKeyId: 'OLD', secretAccessKey: 'old' }
const NEW: UpstreamCredentials = { accessKeyId: 'NEW', secretAccessKey: 'new', sessionToken: 'token' }
const BYTES: OutboundBody = { kind: 'bytes', bytes: Buffer.from('hello'), payloadHash: 'UNSIGNED-PAYLOAD' }

function accountWith(credentials: CredentialSource): UpstreamAccount {
  const capabilities = PROVIDERS.get('minio')?.capabilities
  if (capabilities === undefined) throw new Error('there is no row of minio')
  return {
    id: 'main',
    name: 'main',
    provider: 'minio',
    origin: { secure: false, hostname: '127.0.0.1', port: 1, ca: null },
    host: '127.0.0.1:1',
    region: 'us-east-1',
    pathStyle: true,
    capabilities,
    ownership: 'tag',
    encryption: null,
    leases: 'class',
    credentials,
    bucketRate: null,
    tenantCredentials: null
  }
}

async function run({ replies, next = null, method = 'PUT', body = BYTES }: Given) {
  const sent: UpstreamRequest[] = []
  let current = OLD
  let looks = 0
  let again = 0
  const credentials: CredentialSource = {
    usable: true,
    take: () => current,
    async renew() {
      looks += 1
      if (next === null) return false
      current = next
      return true
    },
    start: () => undefined,
    close: () => undefined
  }
  const outbound: Outbound = {
    account: accountWith(credentials),
    bucket: 'b',
    method,
    key: null,
    query: [],
    headers: [],
    body,
    slow: false
  }
  const response = await sendSigned(
    outbound,
    {
      upstream: {
        async send(request) {
          sent.push(request)
          const { status, code } = replies[sent.length - 1] ?? { status: 599 }
          const xml = code === undefined ? '' : `<Error><Code>${code}</Code><Message>m</Message></Error>`
          return { status, rawHeaders: [], body: sourceOfBytes(Buffer.from(xml)) }
        },
        close: async () => undefined
      },
      now: () => new Date('2026-01-02T03:04:05Z'),
      signingKeys: new SigningKeyCache(4),
      timeouts: { headMs: 1, slowHeadMs: 1 }
    },
    { onAgain: () => void (again += 1) }
  )
  const document = Buffer.from(await collectBody(response.body, { bytesMax: 1000 })).toString()
  const signers = sent.map(({ rawHeaders }) => /Credential=(\w+)\//.exec(rawHeaders.join(' '))?.[1])
  return { status: response.status, document, signers, sent, looks, again }
}

for (const code of ['InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken', 'InvalidToken', 'InvalidTokenId']) {
  t.test(`a request refused with ${code} is sent once more with the credentials that are there by now`, async (t) => {
    const { status, signers, sent, again } = await run({ replies: [{ status: 403, code }, { status: 200 }], next: NEW })
    t.equal(status, 200)
    t.strictSame(signers, ['OLD', 'NEW'])
    t.ok(sent[1]?.rawHeaders.includes('token'))
    t.strictSame(sent[1]?.body, sent[0]?.body, 'with the same body')
    t.equal(again, 1)
  })
}

const LEFT: readonly (Given & { readonly why: string; readonly looks: number; readonly code: string; readonly sends: number })[] = [
  { why: 'the credentials did not change', replies: [{ status: 403, code: 'ExpiredToken' }], code: 'ExpiredToken', looks: 1, sends: 1 },
  {
    why: 'its body has flowed already',
    replies: [{ status: 403, code: 'ExpiredToken' }],
    next: NEW,
    body: { kind: 'flow', source: sourceOfBytes(Buffer.from('x')), length: 1, payloadHash: 'UNSIGNED-PAYLOAD' },
    code: 'ExpiredToken',
    looks: 1,
    sends: 1
  },
  {
    why: 'the new credentials are refused too',
    replies: [
      { status: 403, code: 'ExpiredToken' },
      { status: 403, code: 'InvalidAccessKeyId' }
    ],
    next: NEW,
    code: 'InvalidAccessKeyId',
    looks: 1,
    sends: 2
  },
  {
    why: 'it is refused for another reason',
    replies: [{ status: 403, code: 'AccessDenied' }],
    next: NEW,
    code: 'AccessDenied',
    looks: 0,
    sends: 1
  },
  {
    why: 'the clock is at fault',
    replies: [{ status: 403, code: 'RequestTimeTooSkewed' }],
    next: NEW,
    code: 'RequestTimeTooSkewed',
    looks: 0,
    sends: 1
  }
]

for (const { why, looks, code, sends, ...given } of LEFT) {
  t.test(`the refusal is given on, whole, where ${why}`, async (t) => {
    const result = await run(given)
    t.equal(result.status, 403)
    t.match(result.document, `<Code>${code}</Code>`)
    t.equal(result.sent.length, sends)
    t.equal(result.looks, looks)
  })
}

t.test('the refusal of a HEAD, which has no code, is tried again only with other credentials', async (t) => {
  const head = { method: 'HEAD', body: { kind: 'none' } } as const
  const changed = await run({ ...head, replies: [{ status: 400 }, { status: 200 }], next: NEW })
  t.equal(changed.status, 200)
  t.strictSame(changed.signers, ['OLD', 'NEW'])
  const same = await run({ ...head, replies: [{ status: 403 }] })
  t.equal(same.status, 403)
  t.strictSame(same.signers, ['OLD'])
  const missing = await run({ ...head, replies: [{ status: 404 }], next: NEW })
  t.equal(missing.looks, 0)
})

t.test('without valid credentials nothing is sent, and that is an outage of the hop', async (t) => {
  const credentials: CredentialSource = {
    usable: false,
    take: () => Promise.reject(new CredentialsFault('the credentials of main ended')),
    renew: () => Promise.resolve(false),
    start: () => undefined,
    close: () => undefined
  }
  const outbound: Outbound = {
    account: accountWith(credentials),
    bucket: 'b',
    method: 'GET',
    key: null,
    query: [],
    headers: [],
    body: { kind: 'none' },
    slow: false
  }
  const sending = sendSigned(outbound, {
    upstream: { send: () => Promise.reject(new Error('sent')), close: async () => undefined },
    now: () => new Date(0),
    signingKeys: new SigningKeyCache(4),
    timeouts: { headMs: 1, slowHeadMs: 1 }
  })
  const fault = await sending.catch((error: unknown) => error)
  t.ok(fault instanceof UpstreamFault && !fault.maybeExecuted)
  t.match(fault, { message: /main ended/ })
})
