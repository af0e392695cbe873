import t from 'tap'
import { countOutcome } from '../../../proxy/compose/servers.ts'
import { newAccessRecord, type AccessRecord } from '../../../proxy/observe/access-record.ts'

const RECORD = newAccessRecord('ID', new Date(0), {
  method: 'GET',
  rawTarget: '/',
  rawHeaders: [],
  remoteAddress: '192.0.2.1',
  secure: false
})

const CASES: readonly { readonly why: string; readonly record: Partial<AccessRecord>; readonly counted: readonly string[] }[] = [
  {
    why: 'a token that was exchanged is issued to its issuer',
    record: { operation: 'AssumeRoleWithWebIdentity', status: 200, issuer: 'prod' },
    counted: ['sts prod issued']
  },
  {
    why: 'a token that was refused proves no issuer',
    record: { operation: 'AssumeRoleWithWebIdentity', status: 403, errorCode: 'AccessDenied' },
    counted: ['sts null refused']
  },
  {
    why: 'keys that could not be had are a fault',
    record: { operation: 'AssumeRoleWithWebIdentity', status: 503, errorCode: 'IDPCommunicationError' },
    counted: ['sts null fault']
  },
  {
    why: 'a request that was granted is allowed',
    record: { operation: 'GetObject', status: 200, statement: 'ReadOwn' },
    counted: ['allow']
  },
  {
    why: 'an object that is missing was allowed to be asked for',
    record: { operation: 'GetObject', status: 404, statement: 'ReadOwn', errorCode: 'NoSuchKey' },
    counted: ['allow']
  },
  {
    why: 'an object that turned out to be another’s is denied',
    record: { operation: 'GetObject', status: 403, statement: 'decided by the object', errorCode: 'AccessDenied' },
    counted: ['deny']
  },
  {
    why: 'a request that policy denied outright is denied',
    record: { operation: 'PutObject', status: 403, errorCode: 'AccessDenied' },
    counted: ['deny']
  },
  { why: 'nobody decided on a request that was not proven', record: { status: 403, errorCode: 'AccessDenied' }, counted: [] },
  {
    why: 'every header that was left out counts',
    record: { operation: 'GetObject', status: 200, statement: 'ReadOwn', droppedHeaders: ['x-amz-a', 'x-amz-b'] },
    counted: ['allow', 'dropped', 'dropped']
  }
]

for (const { why, record, counted } of CASES) {
  t.test(why, (t) => {
    const seen: string[] = []
    countOutcome(
      { ...RECORD, ...record },
      {
        stsExchanged: (issuer, result) => seen.push(`sts ${String(issuer)} ${result}`),
        decided: (effect) => seen.push(effect),
        headerDropped: () => seen.push('dropped')
      }
    )
    t.strictSame(seen, counted)
    t.end()
  })
}
