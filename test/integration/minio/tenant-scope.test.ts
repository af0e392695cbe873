import { hash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { composeUpstreams } from '../../../proxy/compose/upstreams.ts'
import { readConfig } from '../../../proxy/config/config.ts'
import { startDevUpstream, type DevUpstream } from '../../../proxy/dev/dev-upstream.ts'
import { readErrorCode } from '../../../proxy/s3/error-xml.ts'
import { writeDeleteRequest } from '../../../proxy/s3/delete-objects.ts'
import { collectBody } from '../../../proxy/sigv4/payload/collect.ts'
import { SigningKeyCache } from '../../../proxy/sigv4/signing-key.ts'
import { ensureBucket } from '../../../proxy/stages/ensure-buckets.ts'
import type { Outbound, OutboundBody } from '../../../proxy/stages/outbound.ts'
import { xmlBody } from '../../../proxy/stages/outbound-for.ts'
import { sendSigned, type SendDependencies } from '../../../proxy/stages/send-signed.ts'
import { toUpstreamKey, type Assignment, type TenantKey, type UpstreamKey } from '../../../proxy/tenants/keys.ts'
import { createUpstream, UPSTREAM_LIMITS } from '../../../proxy/transport/upstream/engine.ts'
import type { UpstreamAccount } from '../../../proxy/upstreams/account.ts'
import type { CredentialsEvent } from '../../../proxy/upstreams/credentials.ts'
import { accountWithin } from '../../../proxy/upstreams/tenant-credentials.ts'
import { minioBinary, NO_MINIO } from './minio-binary.ts'

const BUCKET = 'shared-bucket'

function placeOf(tenant: string): Assignment {
  return { tenant, account: 'main', upstreamBucket: BUCKET, keyPrefix: `${tenant}/`, dedicated: false }
}

function keyOf(tenant: string, key: string): UpstreamKey {
  return toUpstreamKey(placeOf(tenant), key as TenantKey)
}

function accountOf(
  { endpoint, accessKeyId, secretAccessKey }: DevUpstream,
  scope: string
): { account: UpstreamAccount; events: CredentialsEvent[] } {
  const events: CredentialsEvent[] = []
  const config = readConfig({
    yamlText: stringify({
      accounts: [{ id: 'main', provider: 'minio', endpoint, credentials: { accessKeyId, secretAccessKey }, scope }],
      database: { url: 'postgres://nowhere.test/none' }
    }),
    env: {},
    readFile: () => '',
    dev: true
  })
  const tools = { now: () => new Date(), random: () => 0, onEvent: (event: CredentialsEvent) => void events.push(event) }
  const account = composeUpstreams(config, tools).accounts.get('main')
  if (account === undefined) throw new Error('the account is missing')
  return { account, events }
}

/** The account as the requests of the tenant `mine` use it. */
function mine(account: UpstreamAccount): UpstreamAccount {
  const { tenant, upstreamBucket: bucket, keyPrefix: prefix } = placeOf('mine')
  return accountWithin(account, { tenant, bucket, prefix })
}

interface Request {
  readonly method: Outbound['method']
  readonly key?: UpstreamKey
  readonly query?: Outbound['query']
  readonly headers?: Outbound['headers']
  readonly body?: OutboundBody
}

const bytes = (text: string): OutboundBody => ({ kind: 'bytes', bytes: Buffer.from(text), payloadHash: hash('sha256', text, 'hex') })
const batch = (key: UpstreamKey): Pick<Request, 'body' | 'headers'> =>
  xmlBody(writeDeleteRequest([{ key, versionId: undefined, etag: undefined }]))

/** What one tenant asks of the upstream, with the tenant whose keys the request names. */
const REQUESTS: readonly { readonly what: string; request(named: string): Request }[] = [
  { what: 'PutObject', request: (named) => ({ method: 'PUT', key: keyOf(named, 'new'), body: bytes('x') }) },
  { what: 'GetObject', request: (named) => ({ method: 'GET', key: keyOf(named, 'a') }) },
  { what: 'HeadObject', request: (named) => ({ method: 'HEAD', key: keyOf(named, 'a') }) },
  { what: 'GetObjectTagging', request: (named) => ({ method: 'GET', key: keyOf(named, 'a'), query: [['tagging', null]] }) },
  {
    what: 'CopyObject from',
    request: (named) => ({ method: 'PUT', key: keyOf('mine', 'copy'), headers: [['x-amz-copy-source', `/${BUCKET}/${keyOf(named, 'a')}`]] })
  },
  { what: 'CreateMultipartUpload', request: (named) => ({ method: 'POST', key: keyOf(named, 'big'), query: [['uploads', null]] }) },
  {
    what: 'ListObjectsV2',
    request: (named) => ({
      method: 'GET',
      query: [
        ['list-type', '2'],
        ['prefix', `${named}/`]
      ]
    })
  },
  {
    what: 'ListObjectVersions',
    request: (named) => ({
      method: 'GET',
      query: [
        ['versions', null],
        ['prefix', `${named}/`]
      ]
    })
  },
  { what: 'DeleteObjects', request: (named) => ({ method: 'POST', query: [['delete', null]], ...batch(keyOf(named, 'b')) }) },
  { what: 'DeleteObject', request: (named) => ({ method: 'DELETE', key: keyOf(named, 'a') }) }
]

async function run(minioPath: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-minio-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const minio = await startDevUpstream({ store: 'minio', folder, minio: minioPath })
  t.teardown(() => minio.stop())
  const upstream = createUpstream({ ...UPSTREAM_LIMITS, onError: () => undefined })
  t.teardown(() => upstream.close())
  const deps: SendDependencies = {
    upstream,
    now: () => new Date(),
    signingKeys: new SigningKeyCache(16),
    timeouts: { headMs: 30_000, slowHeadMs: 30_000 }
  }
  const send = async (account: UpstreamAccount, request: Request): Promise<{ status: number; text: string }> => {
    const outbound = {
      account,
      bucket: BUCKET,
      key: null,
      query: [],
      headers: [],
      body: { kind: 'none' },
      slow: false,
      ...request
    } as const
    const response = await sendSigned(outbound, deps)
    return { status: response.status, text: Buffer.from(await collectBody(response.body, { bytesMax: 100_000 })).toString() }
  }
  const whole = accountOf(minio, 'account').account
  await ensureBucket(whole, BUCKET, deps)
  const fill = async (): Promise<void> => {
    for (const tenant of ['mine', 'theirs']) {
      for (const key of ['a', 'b']) await send(whole, { method: 'PUT', key: keyOf(tenant, key), body: bytes(`of ${tenant}`) })
    }
  }

  for (const { what, request } of REQUESTS) {
    await t.test(`with scope: tenant, a mistake that names another tenant's key in ${what} is refused by the upstream`, async (t) => {
      const scoped = mine(accountOf(minio, 'tenant').account)
      await fill()
      const mistaken = await send(scoped, request('theirs'))
      const refused = what === 'DeleteObjects' ? mistaken.text.includes('<Code>AccessDenied</Code>') : mistaken.status === 403
      t.ok(refused, `${mistaken.status} ${mistaken.text}`)
      t.equal((await send(whole, { method: 'GET', key: keyOf('theirs', 'a') })).text, 'of theirs', 'nothing was done to it')
      t.equal((await send(whole, { method: 'GET', key: keyOf('theirs', 'b') })).text, 'of theirs')
      t.equal((await send(whole, { method: 'HEAD', key: keyOf('theirs', 'new') })).status, 404)
      const own = await send(scoped, request('mine'))
      t.ok(own.status < 300, `the tenant's own is served: ${own.status} ${own.text}`)
      t.notMatch(own.text, '<Code>')
    })
    await t.test(`without it the same mistake in ${what} goes through, so the wall is what refuses it`, async (t) => {
      await fill()
      const mistaken = await send(mine(whole), request('theirs'))
      t.ok(mistaken.status < 300, `${mistaken.status} ${mistaken.text}`)
      await send(whole, { method: 'DELETE', key: keyOf('theirs', 'new') })
    })
  }

  await t.test('a session is made once for a tenant, and each tenant has its own', async (t) => {
    const { account, events } = accountOf(minio, 'tenant')
    await Promise.all(['a', 'b', 'a'].map((key) => send(mine(account), { method: 'HEAD', key: keyOf('mine', key) })))
    const other = accountWithin(account, { tenant: 'theirs', bucket: BUCKET, prefix: 'theirs/' })
    t.equal((await send(other, { method: 'GET', key: keyOf('theirs', 'b') })).status, 200)
    t.strictSame(
      events.map(({ tenant, result }) => [tenant, result]),
      [
        ['mine', 'loaded'],
        ['theirs', 'loaded']
      ]
    )
  })

  await t.test('a tenant that has its bucket for itself reaches all of it, and no other bucket', async (t) => {
    await ensureBucket(whole, 'sole-bucket', deps)
    const { account } = accountOf(minio, 'tenant')
    const sole = accountWithin(account, { tenant: 'sole', bucket: 'sole-bucket', prefix: '' })
    const put = { account: sole, method: 'PUT', key: keyOf('any', 'a'), query: [], headers: [], body: bytes('x'), slow: false } as const
    t.equal((await sendSigned({ ...put, bucket: 'sole-bucket' }, deps)).status, 200)
    const refused = await sendSigned({ ...put, bucket: BUCKET }, deps)
    t.equal(refused.status, 403)
    t.equal(readErrorCode(await collectBody(refused.body, { bytesMax: 10_000 })), 'AccessDenied')
  })
}

const binary = minioBinary()
if (binary === null) {
  t.pass('skipped', { skip: NO_MINIO })
  t.end()
} else {
  await run(binary)
}
