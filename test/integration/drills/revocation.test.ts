import t, { type Test } from 'tap'
import { startPostgres } from '../../helpers/postgres.ts'
import type { SessionCredentials } from '../../helpers/sluice.ts'
import { callerWith, type Caller } from '../faults/caller.ts'
import { until } from '../faults/until.ts'
import { install, type Installation, type Serving } from '../placement/installation.ts'
import { sessionAt, type NamedSession } from '../placement/session.ts'

const TENANTS = { shared: '7c9e6679-7425-40de-944b-e07fc1f90ae7', dedicated: 'acme-archive' } as const
const REFUSED_MS_MAX = 1_000
const CONTENT = 'canary-content'

let installed: Installation
let config: string
/** Two processes that share nothing but Postgres. */
let replicas: readonly Serving[]
t.before(async () => {
  const postgres = await startPostgres()
  installed = await install(postgres)
  t.teardown(async () => {
    await installed.stop()
    await postgres.stop()
  })
  installed.store.createBucket('shared-7')
  config = await installed.write(installed.settings)
  replicas = await Promise.all([installed.serve(config), installed.serve(config)])
})

const subjectOf = (name: string): string => `system:serviceaccount:shop:${name}`

/** One caller at each replica. */
function everywhere(t: Test, credentials: SessionCredentials): readonly Caller[] {
  return replicas.map(({ s3 }) => {
    const caller = callerWith({ s3, tenants: TENANTS }, credentials)
    t.teardown(() => caller.stop())
    return caller
  })
}

async function command(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await installed.run([...args, '--config', config])
  if (code !== 0) throw new Error(stderr)
  return stdout
}

/** Asks from now on, without a pause, until the answer is a refusal; the milliseconds that took. */
async function refusedAfter(caller: Caller, { key, code }: { readonly key: string; readonly code: string }, from: number): Promise<number> {
  for (;;) {
    const reply = await caller.send({ method: 'GET', key })
    const ms = performance.now() - from
    if (reply.code === code) return ms
    if (reply.status !== 200 || ms > 10 * REFUSED_MS_MAX) throw new Error(`${reply.status} ${reply.code} after ${Math.round(ms)} ms`)
  }
}

/** Revokes, and fails unless every replica refuses within a second of the command's end, and nothing more reaches the upstream. */
async function drill(t: Test, callers: readonly Caller[], { args, code }: { args: readonly string[]; code: string }): Promise<void> {
  const key = args.slice(0, 2).join('-')
  for (const caller of callers) t.equal((await caller.send({ method: 'PUT', key, body: CONTENT })).status, 200)
  await command(...args)
  const ended = performance.now()
  const times = await Promise.all(callers.map((caller) => refusedAfter(caller, { key, code }, ended)))
  t.comment(
    `${args.slice(0, 2).join(' ')}: refused by both replicas ${times.map((ms) => Math.round(ms)).join(' and ')} ms after the command's end`
  )
  for (const ms of times) t.ok(ms < REFUSED_MS_MAX, `${Math.round(ms)} ms`)
  const reached = installed.store.requests.all.length
  for (const caller of callers) {
    for (const call of [
      { method: 'PUT', key, body: 'changed' },
      { method: 'GET', key },
      { method: 'DELETE', key }
    ]) {
      const reply = await caller.send(call)
      t.equal(reply.code, code)
      t.notMatch(reply.text, CONTENT)
    }
  }
  t.equal(installed.store.requests.all.length, reached, 'nothing reached the upstream')
}

interface Kind {
  readonly kind: string
  /** Whether the subject gets no new session either. */
  readonly endsTokens: boolean
  value(session: NamedSession, name: string): string
}

const KINDS: readonly Kind[] = [
  { kind: 'session', endsTokens: false, value: ({ session }) => session },
  { kind: 'subject', endsTokens: true, value: (_, name) => subjectOf(name) },
  { kind: 'pod', endsTokens: true, value: (_, name) => `dev-pod-shop-${name}` },
  { kind: 'service-account', endsTokens: true, value: (_, name) => `dev-sa-shop-${name}` },
  { kind: 'key', endsTokens: false, value: ({ accessKeyId }) => accessKeyId }
]
for (const { kind, endsTokens, value } of KINDS) {
  t.test(`both replicas refuse a ${kind} within a second of its revocation`, async (t) => {
    const name = `by-${kind}`
    const s3 = replicas[0]?.s3 ?? ''
    const session = await sessionAt(s3, await installed.token(`shop/${name}`))
    await drill(t, everywhere(t, session), { args: ['revoke', kind, value(session, name)], code: 'AccessDenied' })
    const [bystander] = everywhere(t, await sessionAt(s3, await installed.token('shop/bystander')))
    t.equal((await bystander?.send({ method: 'PUT', key: 'other', body: 'x' }))?.status, 200, 'others go on')
    await bystander?.send({ method: 'DELETE', key: 'other' })
    for (const replica of replicas) {
      const again = sessionAt(replica.s3, await installed.token(`shop/${name}`))
      if (endsTokens) await t.rejects(again, /InvalidIdentityToken/)
      else await t.resolves(again)
    }
  })
}

t.test('both replicas refuse an access key within a second of its revocation', async (t) => {
  const made = await command('key', 'create', '--subject', subjectOf('backup'), '--tenants', TENANTS.shared, '--expires', '1', '--json')
  const { accessKeyId, secretAccessKey } = JSON.parse(made) as SessionCredentials
  const callers = everywhere(t, { accessKeyId, secretAccessKey } as SessionCredentials)
  for (const caller of callers)
    await until('the key is known', async () => (await caller.send({ method: 'GET', key: 'absent' })).code === 'NoSuchKey')
  await drill(t, callers, { args: ['key', 'revoke', accessKeyId], code: 'InvalidAccessKeyId' })
})
