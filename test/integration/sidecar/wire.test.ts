import { CreateMultipartUploadCommand, GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { fromHttp } from '@aws-sdk/credential-providers'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import t, { type Test } from 'tap'
import { crc32 } from 'node:zlib'
import { CONTAINER_CREDENTIALS_PATH } from '../../../proxy/api/container-credentials.ts'
import { isTenantId } from '../../../proxy/tenants/placement.ts'
import { RawClient, type RawResponse } from '../../helpers/raw-http.ts'
import { startSluice } from '../../helpers/sluice.ts'
import { presign } from '../ways-in/presign.ts'
import { settingsFor, SIGNING, startSidecar, stopSidecar } from './rig.ts'

const sluice = await startSluice()
t.teardown(() => sluice.stop())
const sidecar = await startSidecar(sluice.folder, settingsFor(sluice, sluice.services['shop/orders'].tokenFile))
t.teardown(() => stopSidecar(sidecar))
const TENANT = sluice.tenants.shared
const HOST = `127.0.0.1:${sidecar.port}`
const direct = new S3Client({
  ...{ endpoint: sluice.s3, region: 'local', forcePathStyle: true },
  credentials: await sluice.session('shop/orders')
})
t.teardown(() => direct.destroy())

/** Requests that the central Sluice has seen, STS included. */
const centralRequests = async (): Promise<number> => (await sluice.requestLog()).length

interface Raw {
  readonly method: string
  readonly target: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

async function ask(t: Test, { method, target, headers = {}, body = '' }: Raw): Promise<RawResponse> {
  const client = new RawClient(sidecar.port)
  t.teardown(() => client.destroy())
  const all = { host: HOST, ...headers, ...(body.length === 0 ? {} : { 'content-length': String(body.length) }) }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  client.send(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`).send(body)
  const response = await client.readResponse({ bodiless: method === 'HEAD' })
  client.destroy()
  return response
}

const codeOf = ({ body }: RawResponse): string => /<Code>([^<]*)</.exec(body.toString())?.[1] ?? ''
const stored = async (Key: string): Promise<string> =>
  (await direct.send(new GetObjectCommand({ Bucket: TENANT, Key }))).Body?.transformToString() ?? ''
const isAbsent = (t: Test, Key: string): Promise<unknown> =>
  t.rejects(direct.send(new HeadObjectCommand({ Bucket: TENANT, Key })), { name: 'NotFound' }, `nothing is stored at ${Key}`)

const STRANGERS: readonly (readonly [why: string, headers: Readonly<Record<string, string>>])[] = [
  ['a name that leads here', { host: `evil.example:${sidecar.port}` }],
  ['a name that ends like a local one', { host: `evil-localhost:${sidecar.port}` }],
  ['a name under an address', { host: `127.0.0.1.evil.example:${sidecar.port}` }],
  ['another port', { host: `127.0.0.1:${sidecar.port + 1}` }],
  ['no port', { host: 'localhost' }],
  ['the address of another machine', { host: `10.0.0.1:${sidecar.port}` }],
  ['an empty host', { host: '' }],
  ['a page of another origin', { origin: 'https://evil.example' }],
  ['a page without origin', { origin: 'null' }]
]

t.test('a foreign Host and a web page are refused, and nothing is sent on', async (t) => {
  const before = await centralRequests()
  for (const [why, headers] of STRANGERS) {
    for (const method of ['GET', 'PUT']) {
      const response = await ask(t, { method, target: `/${TENANT}/strange`, headers, body: method === 'PUT' ? 'x' : '' })
      t.equal(response.status, 403, `${method}, ${why}`)
      t.equal(codeOf(response), 'AccessDenied')
    }
  }
  t.equal(await centralRequests(), before)
  await isAbsent(t, 'strange')
})

t.test('its own names are taken, a tenant of .localhost too', async (t) => {
  for (const host of [HOST, `localhost:${sidecar.port}`, `LOCALHOST:${sidecar.port}`]) {
    const response = await ask(t, { method: 'PUT', target: `/${TENANT}/named`, headers: { host }, body: host })
    t.equal(response.status, 200, host)
    t.equal(await stored('named'), host)
  }
  const response = await ask(t, { method: 'GET', target: '/named', headers: { host: `${TENANT}.localhost:${sidecar.port}` } })
  t.strictSame([response.status, response.body.toString()], [200, `LOCALHOST:${sidecar.port}`])
})

t.test('nobody elsewhere can connect', { skip: outside() === null && 'this machine has no other address' }, async (t) => {
  const refused = await new Promise<string>((resolve) => {
    const socket = connect({ host: outside() ?? '', port: sidecar.port }, () => {
      socket.destroy()
      resolve('connected')
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
  })
  t.equal(refused, 'ECONNREFUSED')
})

function outside(): string | null {
  const addresses = Object.values(networkInterfaces()).flatMap((one) => one ?? [])
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? null
}

t.test('presigned URLs of any key are taken as requests of the pod; what was hoisted into them is a header', async (t) => {
  const credentials = { accessKeyId: 'ANYKEY', secretAccessKey: 'any', sessionToken: 'any' }
  const order = { host: HOST, path: `/${TENANT}/presigned`, credentials, at: new Date(Date.now() - 40 * 86_400_000) }
  const query = [
    ['x-amz-meta-colour', 'red'],
    ['x-amz-tagging', 'a=b']
  ] as const
  t.equal((await ask(t, { method: 'PUT', target: presign({ ...order, method: 'PUT', query }), body: 'pre' })).status, 200)
  const head = await direct.send(new HeadObjectCommand({ Bucket: TENANT, Key: 'presigned' }))
  t.strictSame([head.Metadata, head.TagCount], [{ colour: 'red' }, 1])
  t.equal((await ask(t, { method: 'GET', target: presign({ ...order, method: 'GET' }) })).body.toString(), 'pre')
  const version2 = `/${TENANT}/presigned?AWSAccessKeyId=AK&Signature=abc%3D&Expires=1&x-amz-security-token=t`
  t.equal((await ask(t, { method: 'GET', target: version2 })).body.toString(), 'pre')

  const twice = presign({ ...order, path: `/${TENANT}/twice`, method: 'PUT', query })
  t.equal(codeOf(await ask(t, { method: 'PUT', target: twice, headers: { 'x-amz-tagging': 'c=d' }, body: 'x' })), 'InvalidRequest')
  const unsigned = `/${TENANT}/twice?x-amz-tagging=a%3Db`
  t.equal(codeOf(await ask(t, { method: 'PUT', target: unsigned, body: 'x' })), 'NotImplemented', 'without signature it is no header')
  await isAbsent(t, 'twice')
})

t.test('proofs of others are left out: a bearer token, two at once, SigV2', async (t) => {
  const foreign = await sluice.token('shop/billing')
  for (const authorization of [`Bearer ${foreign}`, 'AWS AK:c2lnbmF0dXJl', 'Basic eDp5', 'AWS4-HMAC-SHA256 nonsense']) {
    const target = `/${TENANT}/proof?X-Amz-Signature=0&X-Amz-Credential=x`
    t.equal((await ask(t, { method: 'PUT', target, headers: { authorization }, body: 'mine' })).status, 200, authorization.slice(0, 10))
  }
  t.equal(await stored('proof'), 'mine', 'it is of the pod’s own service')
})

const UNVERIFIED = '0'.repeat(64)
const crcOf = (text: string): string => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(text))
  return bytes.toString('base64')
}

for (const length of [0, 5, 200_000]) {
  t.test(`bodies in every framing arrive, of ${length} bytes`, async (t) => {
    const text = 'y'.repeat(length)
    const hex = createHash('sha256').update(text).digest('hex')
    const chunk = (signed: string): string => (length === 0 ? '' : `${length.toString(16)}${signed}\r\n${text}\r\n`)
    const signature = `;chunk-signature=${UNVERIFIED}`
    const trailer = `x-amz-checksum-crc32:${crcOf(text)}\r\n`
    const chunked = { 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': String(length) }
    const bodies: readonly (readonly [mode: string, headers: Readonly<Record<string, string>>, body: string])[] = [
      [hex, {}, text],
      ['UNSIGNED-PAYLOAD', {}, text],
      ['STREAMING-AWS4-HMAC-SHA256-PAYLOAD', chunked, `${chunk(signature)}0${signature}\r\n\r\n`],
      [
        'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
        { ...chunked, 'x-amz-trailer': 'x-amz-checksum-crc32' },
        `${chunk(signature)}0${signature}\r\n${trailer}x-amz-trailer-signature:${UNVERIFIED}\r\n\r\n`
      ],
      ['STREAMING-UNSIGNED-PAYLOAD-TRAILER', { ...chunked, 'x-amz-trailer': 'x-amz-checksum-crc32' }, `${chunk('')}0\r\n${trailer}\r\n`]
    ]
    for (const [mode, headers, body] of bodies) {
      const key = `framed-${mode}`
      const all = { ...headers, 'x-amz-content-sha256': mode, ...(body === '' ? { 'content-length': '0' } : {}) }
      const response = await ask(t, { method: 'PUT', target: `/${TENANT}/${key}`, headers: all, body })
      t.equal(response.status, 200, `${mode} ${response.body.toString()}`)
      t.equal(await stored(key), text)
      const head = await direct.send(new HeadObjectCommand({ Bucket: TENANT, Key: key, ChecksumMode: 'ENABLED' }))
      t.equal(head.ContentEncoding, undefined)
      if (mode.endsWith('TRAILER')) t.equal(head.ChecksumCRC32, crcOf(text), 'the checksum of the trailer went along')
    }
  })
}

t.test('a body that is not what its head says is never an object', async (t) => {
  for (const length of [5, 2_000_000]) {
    const text = 'z'.repeat(length)
    const size = length.toString(16)
    const signature = `;chunk-signature=${UNVERIFIED}`
    const chunked = { 'x-amz-decoded-content-length': String(length), 'x-amz-trailer': 'x-amz-checksum-crc32' }
    const wrong = `x-amz-checksum-crc32:${crcOf('other')}\r\n`
    const bad: readonly (readonly [why: string, headers: Readonly<Record<string, string>>, body: string, code: string])[] = [
      ['hash', { 'x-amz-content-sha256': 'ab'.repeat(32) }, text, 'XAmzContentSHA256Mismatch'],
      ['md5', { 'content-md5': createHash('md5').update('other').digest('base64') }, text, 'BadDigest'],
      ['checksum', { 'x-amz-checksum-crc32': crcOf('other') }, text, 'BadDigest'],
      [
        'trailer',
        { ...chunked, 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' },
        `${size}\r\n${text}\r\n0\r\n${wrong}\r\n`,
        'BadDigest'
      ],
      [
        'signed trailer',
        { ...chunked, 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER' },
        `${size}${signature}\r\n${text}\r\n0${signature}\r\n${wrong}x-amz-trailer-signature:${UNVERIFIED}\r\n\r\n`,
        'BadDigest'
      ],
      [
        'a chunk too short',
        { 'x-amz-decoded-content-length': String(length), 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' },
        `${(length - 1).toString(16)}${signature}\r\n${text.slice(1)}\r\n0${signature}\r\n\r\n`,
        'IncompleteBody'
      ]
    ]
    for (const [why, headers, body, code] of bad) {
      const response = await ask(t, { method: 'PUT', target: `/${TENANT}/bad`, headers, body })
      t.equal(codeOf(response), code, `${why}, ${length} bytes: ${response.status}`)
      await isAbsent(t, 'bad')
    }
  }
})

t.test('a client that waits for 100-continue gets it when its body is wanted, and no earlier', async (t) => {
  const wanted = new RawClient(sidecar.port)
  t.teardown(() => wanted.destroy())
  wanted.send(`PUT /${TENANT}/waited HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`)
  t.equal((await wanted.readResponse({ interim: true })).status, 100)
  t.equal((await wanted.send('body').readResponse()).status, 200)
  t.equal(await stored('waited'), 'body')
  const refused = new RawClient(sidecar.port)
  t.teardown(() => refused.destroy())
  refused.send(`PUT /${TENANT}/never HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`)
  t.equal((await refused.readResponse({ interim: true })).status, 403)
})

t.test('answers carry what the central Sluice lets out, guarded against browsers', async (t) => {
  const { headers } = await ask(t, { method: 'GET', target: `/${TENANT}/waited` })
  t.match(headers.get('x-amz-request-id'), /^[0-9A-F]{16}$/)
  t.equal(headers.get('x-content-type-options'), 'nosniff')
  t.equal(headers.get('content-security-policy'), 'sandbox')
  t.equal(headers.get('content-length'), '4')
  const own = await sluice.requestLog()
  t.ok(
    own.some(({ requestId }) => requestId === headers.get('x-amz-request-id')),
    'the id is that of the central Sluice’s log'
  )
  const missing = await ask(t, { method: 'GET', target: `/${TENANT}/missing` })
  t.strictSame([missing.status, codeOf(missing)], [404, 'NoSuchKey'])
})

t.test('forms, other methods and bodies where none belongs are refused, and nothing is sent on', async (t) => {
  const before = await centralRequests()
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const cases: readonly (readonly [Raw, string])[] = [
    [{ method: 'POST', target: '/', headers: form, body: 'Action=AssumeRoleWithWebIdentity' }, 'NotImplemented'],
    [
      { method: 'POST', target: `/${TENANT}`, headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: '--x' },
      'NotImplemented'
    ],
    [{ method: 'OPTIONS', target: `/${TENANT}/a` }, 'MethodNotAllowed'],
    [{ method: 'GET', target: `/${TENANT}/a`, body: 'x' }, 'UnexpectedContent'],
    [{ method: 'GET', target: `/${TENANT}/../a` }, 'InvalidURI'],
    [{ method: 'PUT', target: `/${TENANT}/a`, headers: { 'transfer-encoding': 'chunked' } }, 'MissingContentLength'],
    [{ method: 'PUT', target: `/${TENANT}/a`, headers: { 'x-amz-content-sha256': 'ANYTHING' }, body: 'x' }, 'InvalidArgument']
  ]
  for (const [raw, code] of cases) t.equal(codeOf(await ask(t, raw)), code, `${raw.method} ${raw.target}`)
  t.equal(await centralRequests(), before)
})

t.test('what the central Sluice does not know it refuses itself: nothing is lost on the way', async (t) => {
  const unknown = await ask(t, { method: 'PUT', target: `/${TENANT}/a`, headers: { 'x-amz-new-thing': '1' }, body: 'x' })
  t.equal(codeOf(unknown), 'NotImplemented')
  const mark = await ask(t, { method: 'PUT', target: `/${TENANT}/a`, headers: { 'x-amz-meta-sluice-service': 'me' }, body: 'x' })
  t.equal(codeOf(mark), 'AccessDenied')
  await isAbsent(t, 'a')
})

t.test('one upload id of the pod is known to the pod alone', async (t) => {
  const client = SIGNING['not signed at all'](sidecar.s3)
  t.teardown(() => client.destroy())
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: TENANT, Key: 'up' }))
  t.match((await ask(t, { method: 'GET', target: `/${TENANT}/up?uploadId=${UploadId ?? ''}` })).status, 200)
})

t.test('the pod gets the sidecar’s session for its own token, and nobody gets it for another', async (t) => {
  t.notOk(isTenantId(CONTAINER_CREDENTIALS_PATH.split('/')[1] ?? ''), 'where they are is no object of any tenant')
  const token = await readFile(sluice.services['shop/orders'].tokenFile, 'utf8')
  const get = (headers: Readonly<Record<string, string>>, target = '/v0/container-credentials') =>
    ask(t, { method: 'GET', target, headers })
  const before = await centralRequests()
  for (const headers of [{}, { authorization: await sluice.token('shop/orders') }, { authorization: `Bearer ${token.trim()}` }]) {
    const refused = await get(headers as Record<string, string>)
    t.ok(refused.status >= 400 && refused.status < 500, String(refused.status))
    t.notMatch(refused.body.toString(), 'SecretAccessKey')
  }
  t.equal((await get({ authorization: token.trim(), host: 'evil.example' })).status, 403)
  t.equal((await get({ authorization: token.trim(), origin: 'https://evil.example' })).status, 403)
  t.equal(await centralRequests(), before)
  const credentials = fromHttp({
    awsContainerCredentialsFullUri: `http://${HOST}/v0/container-credentials`,
    awsContainerCredentialsRelativeUri: '',
    awsContainerAuthorizationToken: '',
    awsContainerAuthorizationTokenFile: sluice.services['shop/orders'].tokenFile
  })
  const client = new S3Client({ endpoint: sluice.s3, region: 'local', forcePathStyle: true, credentials })
  t.teardown(() => client.destroy())
  t.equal(
    (await client.send(new GetObjectCommand({ Bucket: TENANT, Key: 'waited' }))).ContentLength,
    4,
    'they are good at the central Sluice'
  )
  t.equal(await centralRequests(), before + 1, 'no second session was made')
})
