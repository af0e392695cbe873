import type { Test } from 'tap'
import type { DevSettings } from '../../proxy/cli/dev-proxy.ts'
import { DEV_TENANTS } from '../../proxy/cli/dev-proxy.ts'
import type { TestSluice } from '../helpers/sluice.ts'
import { bytesOf, digestOf } from './body.ts'
import type { Driver, Outcome } from './driver.ts'

type Service = 'shop/orders' | 'shop/billing'

/** Settings under which services may touch one tenant of two. */
export function oneTenant(settings: DevSettings): unknown {
  return { ...settings, roles: settings.roles.map((role) => ({ ...role, tenants: [DEV_TENANTS.shared] })) }
}

/** The environment of a service that knows no STS, with the address of its credentials and the file with its token. */
export function containerEnv(sluice: TestSluice, service: Service): Readonly<Record<string, string>> {
  const { containerEnv: env } = sluice.services[service]
  if (env === null) throw new Error('there is no API listener')
  return env
}

const BIG = { size: 18 * 1024 * 1024, seed: 'container' }

/** What a client may do with the credentials that it got from the API: all with what is its own, nothing with another's. */
export async function useContainerCredentials(t: Test, sluice: TestSluice, start: (service: Service) => Promise<Driver>): Promise<void> {
  const [mine, other] = [await start('shop/orders'), await start('shop/billing')]
  t.teardown(() => Promise.all([mine.stop(), other.stop()]))
  const bucket = DEV_TENANTS.shared
  const at = { bucket, key: 'container/object' }
  const succeeds = async (asked: Parameters<Driver['run']>[0], driver = mine): Promise<Outcome> => {
    const outcome = await driver.run(asked)
    t.equal(outcome.error, undefined, asked.op)
    return outcome
  }
  const isRefused = async (asked: Parameters<Driver['run']>[0], driver: Driver): Promise<void> => {
    const { error } = await driver.run(asked)
    t.match(error?.code, /AccessDenied|403/, `${asked.op} is refused`)
  }
  await succeeds({ op: 'put', ...at, body: { text: 'mine' } })
  t.equal((await succeeds({ op: 'get', ...at })).text, 'mine')
  t.ok((await succeeds({ op: 'list', bucket, version: 2, prefix: 'container/' })).keys?.includes(at.key))
  await succeeds({ op: 'upload', bucket, key: 'container/big', body: BIG })
  t.match(await succeeds({ op: 'download', bucket, key: 'container/big' }), digestOf(bytesOf(BIG)))

  await isRefused({ op: 'get', ...at }, other)
  await isRefused({ op: 'put', ...at, body: { text: 'theirs' } }, other)
  await isRefused({ op: 'delete', ...at }, other)
  t.equal((await succeeds({ op: 'get', ...at })).text, 'mine', 'nothing took effect')

  const before = sluice.store.requests.all.length
  for (const driver of [mine, other]) {
    await isRefused({ op: 'put', ...at, bucket: DEV_TENANTS.dedicated, body: { text: 'x' } }, driver)
    await isRefused({ op: 'get', ...at, bucket: DEV_TENANTS.dedicated }, driver)
    await isRefused({ op: 'list', bucket: DEV_TENANTS.dedicated, version: 2 }, driver)
  }
  t.equal(sluice.store.requests.all.length, before, 'nothing of the other tenant reached the upstream')

  await succeeds({ op: 'delete', ...at })
  t.ok((await mine.run({ op: 'get', ...at })).error)
  const log = await sluice.requestLog()
  const exchanges = log.filter(({ operation }) => operation === 'GetContainerCredentials')
  t.ok(exchanges.length >= 2 && exchanges.every(({ status }) => status === 200), 'the credentials came from the API')
  t.notOk(
    log.some(({ operation }) => operation === 'AssumeRoleWithWebIdentity'),
    'and not from STS'
  )
}
