import { createHook, executionAsyncResource } from 'node:async_hooks'
import t from 'tap'
import { presign } from './presign.ts'
import { startSite, TENANT, type Sending } from './site.ts'

/** Of each upstream request, whether it was sent in the turn of something that was waited for. */
const waited: boolean[] = []
// Promises have resources of their own only while somebody asks for them.
createHook({ init: () => undefined }).enable()
const site = await startSite({ onSend: () => void waited.push(executionAsyncResource() instanceof Promise) })
t.teardown(() => site.stop())

/** Calls of WebCrypto in this process, in which the proxy runs; jose proves no token without it. */
let calls: string[] = []
const prototype = Object.getPrototypeOf(crypto.subtle) as Record<string, unknown>
for (const name of Object.getOwnPropertyNames(prototype)) {
  const original = Object.getOwnPropertyDescriptor(prototype, name)?.value as unknown
  if (typeof original !== 'function' || name === 'constructor') continue
  prototype[name] = function counted(this: unknown, ...args: unknown[]): unknown {
    calls.push(name)
    return (original as (...args: unknown[]) => unknown).apply(this, args)
  }
}

/** What the second of two equal requests calls, once the first has been answered as told. */
async function callsOf(sending: Sending): Promise<{ readonly first: readonly string[]; readonly second: readonly string[] }> {
  const [first, second] = [[], []] as [string[], string[]]
  for (const into of [first, second]) {
    calls = into
    const reply = await site.send(sending)
    if (reply.code !== 'NoSuchKey') throw new Error(`${reply.status} ${reply.code}`)
  }
  return { first, second }
}

t.test('a bearer token is proven by WebCrypto once, and then known by its digest', async (t) => {
  // What is proven while the key set is fetched for the first time is not kept.
  await site.send({ method: 'GET', target: `/${TENANT}/absent`, headers: { authorization: `Bearer ${await site.token()}` } })
  const authorization = `Bearer ${await site.token()}`
  const { first, second } = await callsOf({ method: 'GET', target: `/${TENANT}/absent`, headers: { authorization } })
  t.ok(first.includes('verify'), 'the spy sees what jose does')
  t.same(second, [])
})

t.test('a presigned URL costs no WebCrypto, nor does opening its session', async (t) => {
  const target = presign({ method: 'GET', host: site.host, path: `/${TENANT}/absent`, credentials: site.session(), at: site.now() })
  t.same(await callsOf({ method: 'GET', target }), { first: [], second: [] })
})

t.test('a read with a known session and owner runs to its upstream write in the turn that brought it', async (t) => {
  const credentials = site.session()
  const target = (method: string, key: string): string =>
    presign({ method, host: site.host, path: `/${TENANT}/${key}`, credentials, at: site.now() })
  waited.length = 0
  t.equal((await site.send({ method: 'PUT', target: target('PUT', 'warm'), body: 'content' })).status, 200)
  t.ok(waited.length > 0 && waited.every(Boolean), 'a write waits for its body')
  for (const method of ['GET', 'HEAD', 'GET']) t.equal((await site.send({ method, target: target(method, 'warm') })).status, 200)
  waited.length = 0
  for (const method of ['GET', 'HEAD']) t.equal((await site.send({ method, target: target(method, 'warm') })).status, 200)
  t.same(waited, [false, false])
})
