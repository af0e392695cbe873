import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { connect, type PeerCertificate } from 'node:tls'
import t from 'tap'
import { startPostgres, type TestPostgres } from '../../helpers/postgres.ts'
import { selfSigned } from '../../unit/transport/certificate.ts'
import { until } from '../faults/until.ts'
import { install, type Installation, type Serving } from '../placement/installation.ts'

const TENANT = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const NAME = 'localhost'

let postgres: TestPostgres
let installed: Installation
t.before(async () => {
  postgres = await startPostgres()
  installed = await install(postgres)
  for (const slot of '0123456789abcdef') installed.store.createBucket(`shared-${slot}`)
})
t.teardown(async () => {
  await installed.stop()
  await postgres.stop()
})

type Pair = ReturnType<typeof selfSigned>

/** Puts a pair where the proxy looks for it, each file at once, as a mounted secret is exchanged. */
async function put(pair: Pair): Promise<{ certFile: string; keyFile: string }> {
  const files = { certFile: join(installed.folder, 'tls.crt'), keyFile: join(installed.folder, 'tls.key') }
  await writeFile(`${files.keyFile}.new`, pair.key)
  await writeFile(`${files.certFile}.new`, pair.cert)
  await rename(`${files.keyFile}.new`, files.keyFile)
  await rename(`${files.certFile}.new`, files.certFile)
  return files
}

async function serveWith(pair: Pair): Promise<Serving> {
  const { settings } = installed
  const s3 = { host: '127.0.0.1', port: 0, tls: await put(pair) }
  return installed.serve(await installed.write({ ...settings, listeners: { ...settings.listeners, s3 } }))
}

async function clientOf(serving: Serving, ca: readonly string[]): Promise<S3Client> {
  const endpoint = serving.s3.replace('127.0.0.1', NAME)
  const common = { endpoint, region: 'local', requestHandler: { httpsAgent: new Agent({ ca: [...ca], keepAlive: true }) } }
  const sts = new STSClient({ ...common, credentials: { accessKeyId: 'none', secretAccessKey: 'none' } })
  const { Credentials } = await sts.send(
    new AssumeRoleWithWebIdentityCommand({
      RoleArn: 'arn:aws:iam::000000000000:role/app',
      RoleSessionName: 'tls',
      WebIdentityToken: await installed.token('shop/orders')
    })
  )
  const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {}
  const credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken }
  return new S3Client({ ...common, forcePathStyle: true, credentials })
}

function shownBy(serving: Serving): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(serving.s3).port), host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate())
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

t.test('a certificate is exchanged while traffic flows, and no connection is dropped', async (t) => {
  const [first, second] = [selfSigned(NAME), selfSigned(NAME)]
  const serving = await serveWith(first)
  t.match(serving.s3, /^https:/)
  const client = await clientOf(serving, [first.cert, second.cert])
  t.teardown(() => client.destroy())
  const body = Buffer.alloc(20 * 1024 * 1024, 'tls ')
  await client.send(new PutObjectCommand({ Bucket: TENANT, Key: 'long', Body: body }))
  const before = await shownBy(serving)
  // Begun under the first certificate, read to its end under the second.
  const { Body } = await client.send(new GetObjectCommand({ Bucket: TENANT, Key: 'long' }))

  await put(second)
  await until('the second certificate is shown', async () => (await shownBy(serving)).fingerprint256 !== before.fingerprint256)
  t.ok(body.equals(Buffer.from((await Body?.transformToByteArray()) ?? [])), 'the download that was under way is whole')
  const again = await client.send(new GetObjectCommand({ Bucket: TENANT, Key: 'long', Range: 'bytes=0-3' }))
  t.equal(await again.Body?.transformToString(), 'tls ')

  await writeFile(join(installed.folder, 'tls.key'), first.key)
  await serving.says(/the certificate stays as it was: .*mismatch/)
  const shown = await shownBy(serving)
  t.not(shown.fingerprint256, before.fingerprint256, 'half an exchange leaves the pair in use')
  serving.kill('SIGTERM')
  t.equal((await serving.finished).code, 0)
})

t.test('what is no TLS gets no answer and reaches nothing', async (t) => {
  const serving = await serveWith(selfSigned(NAME))
  const asked = installed.store.requests.all.length
  const socket = connectTcp(Number(new URL(serving.s3).port), '127.0.0.1')
  let answer = ''
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text))
  socket.on('error', () => undefined)
  socket.write(`GET /${TENANT}/long HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`)
  await new Promise((resolve) => socket.once('close', resolve))
  t.notMatch(answer, /HTTP/)
  const old = connect({
    ...{ port: Number(new URL(serving.s3).port), host: '127.0.0.1', rejectUnauthorized: false },
    ...{ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }
  })
  const refused = await new Promise<Error>((resolve) => old.once('error', resolve))
  t.match(refused.message, /protocol|alert/i, 'TLS 1.1 is refused')
  const metrics = await (await fetch(`${serving.ops}/metrics`)).text()
  t.match(metrics, /reason="tls-handshake"\} 2/)
  t.equal(installed.store.requests.all.length, asked)
  serving.kill('SIGTERM')
  t.equal((await serving.finished).code, 0)
})

t.test('a certificate that is not of the key is refused at start', async (t) => {
  const { settings } = installed
  const tls = await put({ cert: selfSigned(NAME).cert, key: selfSigned(NAME).key })
  const config = await installed.write({ ...settings, listeners: { ...settings.listeners, s3: { host: '127.0.0.1', port: 0, tls } } })
  const { code, stderr } = await installed.run(['check-config', '--config', config])
  t.equal(code, 1)
  t.match(stderr, /listeners\.s3\.tls: is no pair: keyFile is not the key of certFile/)
  t.notMatch(stderr, readFileSync(tls.keyFile, 'utf8').split('\n')[1] ?? 'nothing')
})
