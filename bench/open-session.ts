import { randomBytes } from 'node:crypto'
import { newKeyRingText, readKeyRing } from '../proxy/identity/key-ring.ts'
import { createSessionCache, type SessionCache } from '../proxy/identity/session-cache.ts'
import { issueSession, openSession, type IssuedSession } from '../proxy/identity/session.ts'

// What opening a session costs: found in the cache, opened anew, and refused before there is anything to open.
const ring = readKeyRing(newKeyRingText(randomBytes))
const now = new Date()
const claims = {
  issuer: 'prod-eu',
  subject: 'system:serviceaccount:billing:invoicer',
  role: 'service',
  namespace: 'billing',
  serviceAccount: 'invoicer',
  serviceAccountUid: '11111111-aaaa-4bbb-8ccc-000000000001',
  podUid: '22222222-aaaa-4bbb-8ccc-000000000002',
  sessionPolicy: null
}
const issue = (): IssuedSession => issueSession({ ring, random: randomBytes }, claims, { now, ttlSeconds: 3600 })
const sessions = Array.from({ length: 1000 }, issue)

const cases: readonly { label: string; rounds: number; cache: SessionCache; accessKeyId?: string }[] = [
  { label: 'in the cache', rounds: 1_000_000, cache: createSessionCache(1000) },
  { label: 'opened anew', rounds: 50_000, cache: createSessionCache(1) },
  { label: 'unknown access key', rounds: 50_000, cache: createSessionCache(1), accessKeyId: 'AKIAIOSFODNN7EXAMPLE' }
]
let opened = 0
for (const { label, rounds, cache, accessKeyId } of cases) {
  const run = (count: number): void => {
    for (let i = 0; i < count; i += 1) {
      const session = sessions[i % sessions.length] as IssuedSession
      const presented = { accessKeyId: accessKeyId ?? session.accessKeyId, sessionToken: session.sessionToken }
      if (openSession(presented, { ring, cache, now }).kind === 'session') opened += 1
    }
  }
  run(rounds / 10)
  const start = process.hrtime.bigint()
  run(rounds)
  console.log(label.padEnd(20), `${(Number(process.hrtime.bigint() - start) / rounds / 1000).toFixed(2)} µs`)
}
if (opened === 0) throw new Error('no session was opened')
