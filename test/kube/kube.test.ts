/**
 * A proxy in front of a real kube-apiserver: tokens as Kubernetes makes them, its key set, its reviews, its rights. There are no
 * nodes, so the projected token files are written here, as the kubelet would.
 */
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { fromTokenFile } from '@aws-sdk/credential-providers'
import { execFileSync } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { startPostgres, type TestPostgres } from '../helpers/postgres.ts'
import { until } from '../integration/faults/until.ts'
import { install, type Installation, type Serving } from '../integration/placement/installation.ts'
import { haveKube, NO_KUBE } from './binaries.ts'
import { caOf, startKubernetes, type Kubernetes } from './kubernetes.ts'

const AUDIENCE = 'sluice.kube'
const BUCKETS = [...'0123456789abcdef'].map((slot) => `shared-${slot}`)
const TENANT = 'tenant-one'

interface Setting {
  readonly kubernetes: Kubernetes
  readonly postgres: TestPostgres
  readonly installed: Installation
  readonly proxy: Serving
  readonly tokenFile: string
  readonly caFile: string
  stop(): Promise<void>
}

if (haveKube()) {
  const setting = await setUp()
  t.teardown(() => setting.stop())
  await suite(setting)
} else t.pass('without a real kube-apiserver', { skip: NO_KUBE })

async function setUp(): Promise<Setting> {
  const [kubernetes, postgres] = await Promise.all([startKubernetes(), startPostgres()])
  const installed = await install(postgres)
  for (const bucket of BUCKETS) installed.store.createBucket(bucket)
  for (const namespace of ['sluice', 'shop']) await kubernetes.kubectl(['create', 'namespace', namespace])
  await kubernetes.kubectl(['-n', 'sluice', 'create', 'serviceaccount', 'sluice'])
  await kubernetes.kubectl(['-n', 'shop', 'create', 'serviceaccount', 'orders'])
  const tokenFile = join(installed.folder, 'own-token')
  const caFile = join(installed.folder, 'own-ca.crt')
  writeFileSync(tokenFile, `${await kubernetes.kubectl(['-n', 'sluice', 'create', 'token', 'sluice'])}\n`)
  copyFileSync(kubernetes.caFile, caFile)
  const [issuer] = installed.settings.issuers
  const { jwks: _, ...rest } = issuer ?? {}
  const issuers = [{ ...rest, issuer: 'auto', audiences: [AUDIENCE], apiServer: { url: kubernetes.url, caFile, tokenFile } }]
  const proxy = await installed.serve(await installed.write({ ...installed.settings, issuers }))
  return {
    ...{ kubernetes, postgres, installed, proxy, tokenFile, caFile },
    async stop() {
      await installed.stop()
      kubernetes.stop()
      await postgres.stop()
    }
  }
}

async function suite(setting: Setting): Promise<void> {
  const { kubernetes, installed, proxy, tokenFile, caFile } = setting
  const { kubectl } = kubernetes

  const makePod = async (name: string): Promise<void> => {
    const container = { name: 'app', image: 'orders:1' }
    const spec = { serviceAccountName: 'orders', containers: [container] }
    await kubectl(['apply'], { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop' }, spec })
  }
  const tokenFor = (pod: string | null, audience: string | null = AUDIENCE): Promise<string> => {
    const bound = pod === null ? [] : ['--bound-object-kind', 'Pod', '--bound-object-name', pod]
    return kubectl(['-n', 'shop', 'create', 'token', 'orders', ...(audience === null ? [] : ['--audience', audience]), ...bound])
  }
  const exchange = async (token: string): Promise<{ readonly status: number; readonly body: string }> => {
    const body = new URLSearchParams({
      ...{ Action: 'AssumeRoleWithWebIdentity', Version: '2011-06-15', WebIdentityToken: token },
      ...{ RoleArn: 'arn:aws:iam::000000000000:role/app', RoleSessionName: 'kube' }
    })
    const answer = await fetch(proxy.s3, { method: 'POST', body })
    return { status: answer.status, body: await answer.text() }
  }
  const onRequest = (token: string): Promise<Response> =>
    fetch(`${proxy.s3}/${TENANT}/bearer`, { headers: { authorization: `Bearer ${token}` } })
  /** Refused in both ways in, with no session given and nothing asked of the upstream. */
  const isRefused = async (
    t: Test,
    token: string,
    expected: { readonly sts: number; readonly s3: number; readonly code: string }
  ): Promise<void> => {
    const before = installed.store.requests.all.length
    const atSts = await exchange(token)
    t.match(atSts, { status: expected.sts, body: `<Code>${expected.code}</Code>` })
    t.notMatch(atSts.body, /SecretAccessKey/)
    t.equal((await onRequest(token)).status, expected.s3)
    t.equal(installed.store.requests.all.length, before, 'nothing reached the upstream')
  }
  const REFUSED = { sts: 400, s3: 403, code: 'InvalidIdentityToken' }
  const UNAVAILABLE = { sts: 503, s3: 503, code: 'ServiceUnavailable' }
  const isAlive = async (t: Test): Promise<void> => {
    t.equal((await fetch(`${proxy.ops}/livez`)).status, 200, 'the process is alive')
  }

  t.test('keys are not for strangers, and the token of the proxy is enough for them', async (t) => {
    const agent = new Agent({ connect: { ca: caOf(kubernetes) } })
    const { statusCode, body } = await request(`${kubernetes.url}/openid/v1/jwks`, { dispatcher: agent })
    await body.dump()
    await agent.close()
    t.equal(statusCode, 403, 'anonymous')
    await until('the proxy is ready', async () => (await fetch(`${proxy.ops}/readyz`)).status === 200)
    t.match(await (await fetch(`${proxy.ops}/readyz`)).json(), { checks: { issuerKeys: true } })
    t.match(proxy.stdout, /^(?!.*could not be fetched)/s)
  })

  t.test('without the right to create reviews nobody is let in, and nobody denied', async (t) => {
    await makePod('orders-0')
    await isRefused(t, await tokenFor('orders-0'), UNAVAILABLE)
    await until('the log says what is missing', () => proxy.stdout.includes('needs the right to create tokenreviews'))
    await isAlive(t)
    await kubectl(['create', 'clusterrole', 'sluice-token-review', '--verb', 'create', '--resource', 'tokenreviews.authentication.k8s.io'])
    const account = ['--clusterrole', 'sluice-token-review', '--serviceaccount', 'sluice:sluice']
    await kubectl(['create', 'clusterrolebinding', 'sluice-token-review', ...account])
    const token = await tokenFor('orders-0')
    await until('the right counts', async () => (await exchange(token)).status === 200)
  })

  t.test('an SDK logs in with a projected token file, puts and gets', async (t) => {
    const projected = join(installed.folder, 'projected-token')
    writeFileSync(projected, await tokenFor('orders-0'))
    const s3 = new S3Client({
      ...{ endpoint: proxy.s3, region: 'local', forcePathStyle: true },
      credentials: fromTokenFile({
        ...{ webIdentityTokenFile: projected, roleArn: 'arn:aws:iam::000000000000:role/app', roleSessionName: 'kube' },
        clientConfig: { endpoint: proxy.s3, region: 'local' }
      })
    })
    const at = { Bucket: TENANT, Key: 'invoice.txt' }
    await s3.send(new PutObjectCommand({ ...at, Body: 'of a pod' }))
    const { Body } = await s3.send(new GetObjectCommand(at))
    t.equal(await Body?.transformToString(), 'of a pod')
    s3.destroy()
    const stored = installed.store.requests.all.length
    t.ok(stored > 0, 'the upstream has it')
  })

  t.test('a token for others, for the API server, or of no pod is refused', async (t) => {
    await isRefused(t, await tokenFor('orders-0', 'elsewhere'), REFUSED)
    await isRefused(t, await tokenFor('orders-0', null), REFUSED)
    await isRefused(t, await tokenFor(null), REFUSED)
    const good = await tokenFor('orders-0')
    await isRefused(t, `${good.slice(0, -8)}AAAAAAAA`, REFUSED)
    t.equal((await exchange(good)).status, 200)
  })

  t.test('a token stops with its pod, within 15 seconds', async (t) => {
    await makePod('orders-1')
    const [token, unused] = await Promise.all([tokenFor('orders-1'), tokenFor('orders-1')])
    t.equal((await exchange(token)).status, 200)
    await kubectl(['-n', 'shop', 'delete', 'pod', 'orders-1', '--grace-period', '0', '--force'])
    const deletedAt = performance.now()
    await until('the token is refused', async () => (await sleep(200), (await exchange(token)).status === 400), 30_000)
    const seconds = (performance.now() - deletedAt) / 1000
    t.comment(`refused ${seconds.toFixed(1)} s after the deletion of the pod`)
    t.ok(seconds < 15)
    await isRefused(t, token, REFUSED)
    await isRefused(t, unused, REFUSED)
    t.equal((await exchange(await tokenFor('orders-0'))).status, 200, 'the other pod goes on')
  })

  t.test('authority and own token are read at each review', async (t) => {
    writeFileSync(caFile, otherAuthority())
    await isRefused(t, await tokenFor('orders-0'), UNAVAILABLE)
    copyFileSync(kubernetes.caFile, caFile)
    const token = await tokenFor('orders-0')
    await until('the authority counts again', async () => (await exchange(token)).status === 200)
    writeFileSync(tokenFile, 'x.y.z')
    await isRefused(t, await tokenFor('orders-0'), UNAVAILABLE)
    writeFileSync(tokenFile, await kubectl(['-n', 'sluice', 'create', 'token', 'sluice']))
    await until('the new token counts', async () => (await exchange(token)).status === 200)
  })

  t.test('while the API server is away, nobody is let in and nobody denied, and the process lives', async (t) => {
    const token = await tokenFor('orders-0')
    kubernetes.stop()
    await isRefused(t, token, UNAVAILABLE)
    await isAlive(t)
  })
}

/** An authority of the same name that has signed nothing here. */
function otherAuthority(): string {
  const subject = ['-subj', '/CN=test-ca', '-days', '1', '-keyout', '/dev/null']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  return execFileSync('openssl', ['req', '-x509', ...key, ...subject], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}
