import t from 'tap'
import { CredentialsFault, type CredentialSource, type CredentialsEvent } from '../../../proxy/upstreams/credentials.ts'
import { fetchedCredentials, type FetchedCredentials } from '../../../proxy/upstreams/fetched-credentials.ts'

const LIFE_MS = 1_000_000

interface Bench {
  readonly source: CredentialSource
  readonly events: readonly CredentialsEvent[]
  /** Moves the clock to so many milliseconds after the start. */
  at(ms: number): void
  /** How often was asked. */
  asked(): number
  /** Answers what was asked last: numbered credentials that live for LIFE_MS from now. */
  answer(number: number, more?: Partial<FetchedCredentials>): Promise<void>
  refuse(reason: string): Promise<void>
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

function bench(random = 0): Bench {
  let nowMs = 0
  let pending: PromiseWithResolvers<FetchedCredentials> | null = null
  let asked = 0
  const events: CredentialsEvent[] = []
  const source = fetchedCredentials({
    account: 'main',
    tenant: null,
    now: () => new Date(nowMs),
    random: () => random,
    onEvent: (event) => void events.push(event),
    fetch() {
      asked += 1
      pending = Promise.withResolvers()
      return pending.promise
    }
  })
  return {
    source,
    events,
    at: (ms) => void (nowMs = ms),
    asked: () => asked,
    async answer(number, more = {}) {
      const expiration = new Date(nowMs + LIFE_MS)
      pending?.resolve({ accessKeyId: `id-${number}`, secretAccessKey: `secret-${number}`, sessionToken: 't', expiration, ...more })
      await turns()
    },
    async refuse(reason) {
      pending?.reject(new Error(reason))
      await turns()
    }
  }
}

const pair = (number: number): object => ({ accessKeyId: `id-${number}`, secretAccessKey: `secret-${number}`, sessionToken: 't' })

t.test('the first requests wait together for one fetch', async (t) => {
  const { source, asked, answer } = bench()
  t.notOk(source.usable)
  const waiting = [source.take(), source.take(), source.take()]
  await answer(1)
  t.strictSame(await Promise.all(waiting), [pair(1), pair(1), pair(1)])
  t.equal(asked(), 1)
  t.ok(source.usable)
})

for (const { random, percent } of [
  { random: 0, percent: 80 },
  { random: 0.5, percent: 75 },
  { random: 1, percent: 70 }
]) {
  t.test(`credentials are fetched anew at ${percent} % of their life where chance gives ${random}, and no request waits`, async (t) => {
    const { source, asked, answer, at } = bench(random)
    void source.take()
    await answer(1)
    at((LIFE_MS * percent) / 100 - 1)
    t.strictSame(source.take(), pair(1))
    t.equal(asked(), 1)
    at((LIFE_MS * percent) / 100 + 1)
    t.strictSame([source.take(), source.take()], [pair(1), pair(1)], 'at once, with those that are valid')
    t.equal(asked(), 2, 'in the background, once')
    await answer(2)
    t.strictSame(source.take(), pair(2))
  })
}

t.test('a refresh that fails leaves valid credentials in use, and is tried again after a pause that grows', async (t) => {
  const { source, asked, answer, refuse, at, events } = bench()
  void source.take()
  await answer(1)
  at(LIFE_MS * 0.81)
  source.take()
  await refuse('down')
  t.strictSame(source.take(), pair(1))
  t.equal(asked(), 2, 'not before the pause is over')
  at(LIFE_MS * 0.81 + 1_001)
  t.strictSame(source.take(), pair(1))
  t.equal(asked(), 3)
  await refuse('down')
  at(LIFE_MS * 0.81 + 2_002)
  source.take()
  t.equal(asked(), 3, 'the second pause is longer')
  t.strictSame(
    events.map(({ result, repeated }) => [result, repeated]),
    [
      ['loaded', false],
      ['failed', false],
      ['failed', true]
    ]
  )
  at(LIFE_MS * 0.81 + 4_000)
  source.take()
  await answer(2)
  t.strictSame(source.take(), pair(2))
})

t.test('credentials that ended are not signed with: requests fail while no others come, and are served when they do', async (t) => {
  const { source, asked, answer, refuse, at } = bench()
  void source.take()
  await answer(1)
  at(LIFE_MS - 5_000)
  t.notOk(source.usable, 'a request that arrives after the end is refused')
  const waiting = Promise.resolve(source.take())
  await refuse('STS is down')
  await t.rejects(waiting, CredentialsFault)
  await t.rejects(Promise.resolve(source.take()), { name: 'CredentialsFault', message: /main has no valid credentials: STS is down/ })
  t.equal(asked(), 2, 'the second did not ask')
  at(LIFE_MS)
  const next = source.take()
  await answer(2)
  t.strictSame(await next, pair(2))
  t.ok(source.usable)
})

t.test('what is given with an end in the past is a failure', async (t) => {
  const { source, answer } = bench()
  const waiting = Promise.resolve(source.take())
  await answer(1, { expiration: new Date(0) })
  await t.rejects(waiting, /what was given ended at/)
  t.notOk(source.usable)
})

t.test('a refusal brings a fetch for all who were refused, unless those refused were just fetched', async (t) => {
  const { source, asked, answer, at } = bench()
  void source.take()
  await answer(1)
  const refused = await source.take()
  t.equal(await source.renew(refused), false, 'others would not be better after so short a time')
  t.equal(asked(), 1)
  at(10_000)
  const renewals = [source.renew(refused), source.renew(refused)]
  await answer(2)
  t.strictSame(await Promise.all(renewals), [true, true])
  t.equal(asked(), 2)
  t.equal(await source.renew(refused), true, 'known already')
  t.equal(asked(), 2)
})

t.test('a refusal whose fetch fails brings nothing, and never throws', async (t) => {
  const { source, answer, refuse, at } = bench()
  void source.take()
  await answer(1)
  const refused = await source.take()
  at(20_000)
  const renewal = source.renew(refused)
  await refuse('down')
  t.equal(await renewal, false)
  t.strictSame(source.take(), pair(1))
})

t.test('a source that is started fetches before anybody asks, and stops when it is closed', async (t) => {
  const { source, asked, answer } = bench()
  source.start()
  await new Promise((resolve) => setTimeout(resolve, 5))
  t.equal(asked(), 1)
  await answer(1)
  t.ok(source.usable)
  source.close()
})
