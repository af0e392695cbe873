import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { rename, writeFile } from 'node:fs/promises'
import { connect as dial, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { stringify } from 'yaml'
import { RawClient } from '../../helpers/raw-http.ts'
import { startSluice } from '../../helpers/sluice.ts'
import { runSluice } from '../placement/process.ts'
import { settingsFor, SIGNING, startSidecar, stopSidecar } from './rig.ts'

const sluice = await startSluice()
t.teardown(() => sluice.stop())
const TENANT = sluice.tenants.shared
const connect = SIGNING['not signed at all']

/** As kubelet exchanges a projected token: whole, and by a rename. */
async function project(path: string, token: string): Promise<void> {
  await writeFile(`${path}.new`, token)
  await rename(`${path}.new`, path)
}

const readyAt = async (ops: string): Promise<{ status: number; checks: Readonly<Record<string, boolean>> }> => {
  const response = await fetch(`${ops}/readyz`)
  return { status: response.status, checks: ((await response.json()) as { checks: Record<string, boolean> }).checks }
}

async function until(done: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await done()) return
    await sleep(100)
  }
  throw new Error('it did not come about in 30 seconds')
}

t.test('a token that is no good yet is an outage, and one that is exchanged under traffic is taken', { timeout: 90_000 }, async (t) => {
  const tokenFile = join(sluice.folder, 'projected')
  await project(tokenFile, await sluice.token('shop/orders', { audience: 'another' }))
  const sidecar = await startSidecar(sluice.folder, settingsFor(sluice, tokenFile))
  t.teardown(() => stopSidecar(sidecar))
  const client = connect(sidecar.s3)
  t.teardown(() => client.destroy())
  const put = (Key: string) => client.send(new PutObjectCommand({ Bucket: TENANT, Key, Body: 'x' }))
  await t.rejects(put('early'), { name: 'ServiceUnavailable' })
  t.match(await readyAt(sidecar.ops), { status: 503, checks: { accepting: true, centralCredentials: false } })
  t.equal((await fetch(`${sidecar.ops}/livez`)).status, 200)
  await sidecar.says(/could not be renewed: the central Sluice gives no session: 400 InvalidIdentityToken/)

  const failures: unknown[] = []
  let served = 0
  let going = true
  const traffic = (async () => {
    while (going) {
      await put(`under-traffic-${served}`).then(
        () => (served += 1),
        (error: unknown) => failures.push(error)
      )
      await sleep(20)
    }
  })()
  await project(tokenFile, await sluice.token('shop/orders'))
  await until(async () => (await readyAt(sidecar.ops)).status === 200)
  failures.length = 0
  await project(tokenFile, await sluice.token('shop/orders'))
  await until(() => Promise.resolve(served > 20))
  going = false
  await traffic
  t.strictSame(failures, [], 'nothing fails once there is a session')
  t.notMatch(sidecar.stdout + sidecar.stderr, /eyJ/, 'no token is written to the log')
})

t.test(
  'a central Sluice that is down, or hangs up, is 503 with the process alive, and comes back by itself',
  { timeout: 90_000 },
  async (t) => {
    const hole = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => hole.listen(0, '127.0.0.1', resolve))
    const { port } = hole.address() as { port: number }
    const settings = settingsFor({ s3: `http://127.0.0.1:${port}` }, sluice.services['shop/orders'].tokenFile)
    const sidecar = await startSidecar(sluice.folder, settings)
    t.teardown(() => stopSidecar(sidecar))
    const client = connect(sidecar.s3)
    t.teardown(() => client.destroy())
    const get = () => client.send(new GetObjectCommand({ Bucket: TENANT, Key: 'any' }))
    await t.rejects(get(), { name: 'ServiceUnavailable' }, 'hung up on')
    await new Promise((resolve) => hole.close(resolve))
    await t.rejects(get(), { name: 'ServiceUnavailable' }, 'down')

    // Where the hole was, there is now a way to a Sluice.
    const central = new URL(sluice.s3)
    const relays = new Set<{ destroy(): unknown }>()
    const relay = createServer((socket) => {
      const onward = dial(Number(central.port), central.hostname)
      for (const one of [socket, onward]) {
        relays.add(one)
        one.on('error', () => undefined)
      }
      socket.pipe(onward).pipe(socket)
    })
    await new Promise<void>((resolve) => relay.listen(port, '127.0.0.1', resolve))
    t.teardown(() => {
      for (const one of relays) one.destroy()
      relay.close()
    })
    await until(async () => (await readyAt(sidecar.ops)).status === 200)
    await client.send(new PutObjectCommand({ Bucket: TENANT, Key: 'after-all', Body: 'x' }))

    for (const one of relays) one.destroy()
    await new Promise((resolve) => relay.close(resolve))
    await t.rejects(client.send(new PutObjectCommand({ Bucket: TENANT, Key: 'lost', Body: 'x' })), { name: 'ServiceUnavailable' })
    t.equal((await fetch(`${sidecar.ops}/livez`)).status, 200)
  }
)

t.test('on SIGTERM a request under way is seen through, and then the process ends', async (t) => {
  const sidecar = await startSidecar(sluice.folder, settingsFor(sluice, sluice.services['shop/orders'].tokenFile))
  t.teardown(() => stopSidecar(sidecar))
  const client = new RawClient(sidecar.port)
  t.teardown(() => client.destroy())
  client.send(`PUT /${TENANT}/drained HTTP/1.1\r\nHost: 127.0.0.1:${sidecar.port}\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n`)
  t.equal((await client.readResponse({ interim: true })).status, 100)
  client.send('abc')
  sidecar.kill('SIGTERM')
  await sidecar.says(/draining/)
  const response = await client.send('def').readResponse()
  t.strictSame([response.status, response.headers.get('connection')], [200, 'close'])
  t.equal((await sidecar.finished).code, 0)
})

t.test('it listens on loopback alone, and says every problem of its configuration at once', async (t) => {
  const config = join(sluice.folder, 'bad-sidecar.yaml')
  await writeFile(
    config,
    stringify({
      listen: { host: '0.0.0.0' },
      central: { url: 'http://sluice.example', tokenFile: join(sluice.folder, 'nowhere'), roleArn: 'app' }
    })
  )
  for (const command of [['sidecar'], ['check-config', '--sidecar']]) {
    const { code, stderr } = await runSluice([...command, '--config', config])
    t.equal(code, 1)
    t.match(stderr, /listen\.host: must be a loopback address/)
    t.match(stderr, /central\.url: must be https/)
    t.match(stderr, /central\.tokenFile: file .*nowhere does not exist/)
    t.match(stderr, /central\.roleArn: must be the ARN of a role of Sluice/)
  }
})
