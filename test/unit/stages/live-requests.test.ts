import t from 'tap'
import { createAccessKeys } from '../../../proxy/identity/access-keys.ts'
import type { Caller } from '../../../proxy/identity/caller.ts'
import { createRevocations, type RevocationKind } from '../../../proxy/identity/revocations.ts'
import { newAccessRecord, type AccessRecord } from '../../../proxy/observe/access-record.ts'
import { createLiveRequests } from '../../../proxy/stages/live-requests.ts'

const NOW = new Date('2026-11-24T10:00:00Z')
const later = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000)
const KEY_ID = `SLK10123ABCD${'A'.repeat(24)}`

const SESSION: Caller = {
  ...{ issuer: 'prod', subject: 'system:serviceaccount:shop:orders', role: 'app', owner: 'o', session: 's1' },
  ...{ namespace: 'shop', serviceAccount: 'orders', podUid: 'pod-1', serviceAccountUid: 'sa-1', sessionPolicy: null, tenants: null },
  expiresAt: later(3600),
  proof: { authType: 'REST-HEADER', signatureAgeMs: null, accessKeyId: `SLS10123ABCD${'A'.repeat(24)}` }
}
const KEYED: Caller = { ...SESSION, session: `key-${KEY_ID}`, proof: { ...SESSION.proof, accessKeyId: KEY_ID } }

function rig() {
  const revocations = createRevocations()
  const accessKeys = createAccessKeys()
  let now = NOW
  const cut: AccessRecord[] = []
  const live = createLiveRequests({ revocations, accessKeys, now: () => now })
  const hold = (key: boolean): void => {
    const { issuer, subject, expiresAt } = KEYED
    const held = { accessKeyId: KEY_ID, issuer, subject, namespace: 'shop', serviceAccount: 'orders', tenants: ['*'], expiresAt }
    accessKeys.replaceAll(key ? [held] : [])
  }
  hold(true)
  return {
    live,
    cut,
    hold,
    at: (time: Date) => void (now = time),
    enter(caller: Caller): AccessRecord {
      const record = newAccessRecord('ID', NOW, { method: 'GET', rawTarget: '/', rawHeaders: [], remoteAddress: '::1', secure: false })
      live.enter({ incoming: { cut: () => void cut.push(record) }, record, caller })
      return record
    },
    revoke: (kind: RevocationKind, value: string, issuer = '') =>
      revocations.replaceAll([{ kind, issuer, value, reason: 'leaked', expiresAt: later(7200) }])
  }
}

for (const { kind, value, issuer = '' } of [
  { kind: 'session', value: 's1' },
  { kind: 'subject', value: SESSION.subject, issuer: 'prod' },
  { kind: 'pod', value: 'pod-1' },
  { kind: 'service-account', value: 'sa-1' },
  { kind: 'key', value: SESSION.proof.accessKeyId ?? '' }
] as const) {
  t.test(`a request under way is cut, once, when its ${kind} is revoked, and its record says why`, (t) => {
    const { live, cut, enter, revoke } = rig()
    const record = enter(SESSION)
    const other = enter({ ...KEYED, subject: 'other', podUid: 'pod-2', serviceAccountUid: 'sa-2' })
    live.cut()
    t.same(cut, [], 'nothing is revoked yet')
    revoke(kind, value, issuer)
    live.cut()
    live.cut()
    t.same(cut, [record])
    record.reason = 'put: the client went away in the middle of the body'
    for (const ended of [record, other]) live.leave(ended)
    t.equal(record.reason, `cut while under way: ${kind} ${value} is revoked: leaked; put: the client went away in the middle of the body`)
    t.equal(other.reason, null)
    t.end()
  })
}

t.test('who ended is not cut', (t) => {
  const { live, cut, enter, revoke } = rig()
  live.leave(enter(SESSION))
  revoke('session', 's1')
  live.cut()
  t.same(cut, [])
  t.end()
})

t.test('a session that has expired is not cut', (t) => {
  const { live, cut, enter, at } = rig()
  enter(SESSION)
  at(later(3700))
  live.cut()
  t.same(cut, [])
  t.end()
})

t.test('a request whose caller was cut off while it was proven does not begin', (t) => {
  const { live, cut, enter, revoke, hold } = rig()
  revoke('session', 's1')
  t.throws(() => enter(SESSION), { code: 'AccessDenied' })
  hold(false)
  t.throws(() => enter(KEYED), { code: 'AccessDenied' })
  live.cut()
  t.same(cut, [], 'it is not entered either')
  t.end()
})

t.test('an access key cuts when it is revoked, and not when it has expired, by whichever clock', (t) => {
  for (const { at, isCut } of [
    { at: NOW, isCut: true },
    { at: later(3580), isCut: false },
    { at: later(3700), isCut: false }
  ]) {
    const site = rig()
    const record = site.enter(KEYED)
    site.at(at)
    site.live.cut()
    t.same(site.cut, [], 'it is there')
    site.hold(false)
    site.live.cut()
    t.same(site.cut, isCut ? [record] : [])
  }
  t.end()
})
