import { randomBytes } from 'node:crypto'
import { newKeyRingText, readKeyRing } from '../proxy/identity/key-ring.ts'
import { createSessionCache, type SessionCache } from '../proxy/identity/session-cache.ts'
import { issueSession, openSession, type IssuedSession } from '../proxy/identity/session.ts'
import { reportAll } from './measure.ts'

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

/** Opens the sessions in turn; with a cache that holds fewer than there are, each is opened anew. */
function opening(cache: SessionCache, accessKeyId?: string): () => number {
  let turn = 0
  return () => {
    const session = sessions[turn++ % sessions.length] as IssuedSession
    const presented = { accessKeyId: accessKeyId ?? session.accessKeyId, sessionToken: session.sessionToken }
    const opened = openSession(presented, { ring, cache, now })
    if ((opened.kind === 'session') !== (accessKeyId === undefined)) throw new Error(`opened: ${opened.kind}`)
    return 1
  }
}

reportAll(
  [
    ['session, in the cache', opening(createSessionCache(sessions.length))],
    ['session, opened anew', opening(createSessionCache(1))],
    ['session, unknown access key', opening(createSessionCache(1), 'AKIAIOSFODNN7EXAMPLE')]
  ],
  20_000
)
