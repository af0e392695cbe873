import type { Test } from 'tap'
import type { ErrorCode } from '../../../proxy/dev/store/error.ts'
import { deleteBody, md5, seed } from './calls.ts'
import type { Call, Rig } from './rig.ts'

/** Codes that an upstream may answer to a request that it did not like, and how the client is told. */
const CODES: readonly (readonly [upstream: ErrorCode, status: readonly number[]])[] = [
  ['AccessDenied', [503]],
  ['NoSuchBucket', [503]],
  ['InvalidAccessKeyId', [503]],
  ['SignatureDoesNotMatch', [503]],
  ['RequestTimeTooSkewed', [503]],
  ['AuthorizationHeaderMalformed', [503]],
  ['InternalError', [503]],
  ['ServiceUnavailable', [503]],
  ['SlowDown', [503]],
  ['XMinioInvalidObjectName', [400, 503]],
  ['InvalidBucketName', [503]],
  ['MethodNotAllowed', [405, 503]],
  ['NotImplemented', [501, 503]],
  ['InvalidArgument', [400, 503]],
  ['KeyTooLongError', [400, 503]]
]

/** S-32: what an upstream says of itself is not what the client is told. That nothing of it leaks is asserted of every answer. */
export async function outages(t: Test, rig: Rig): Promise<void> {
  const { a1 } = rig.callers
  for (const place of ['awstag', 'miniotag'] as const) {
    const store = rig.stores[place === 'awstag' ? 'aws' : 'minio']
    await t.test(`S-32: an error of the upstream becomes S3’s own words, and an outage is never a denial (${place})`, async (t) => {
      rig.clear()
      await seed(rig, a1, `/ta-${place}/mine`)
      const remove = deleteBody('<Key>mine</Key>')
      const calls: readonly Omit<Call, 'as'>[] = [
        { method: 'GET', target: `/ta-${place}/mine` },
        { method: 'HEAD', target: `/ta-${place}/mine` },
        { method: 'PUT', target: `/ta-${place}/mine`, body: 'x' },
        { method: 'PUT', target: `/ta-${place}/copy`, headers: [['x-amz-copy-source', `ta-${place}/mine`]] },
        { method: 'GET', target: `/ta-${place}/mine?tagging` },
        { method: 'POST', target: `/ta-${place}/new?uploads` },
        { method: 'DELETE', target: `/ta-${place}/mine` },
        { method: 'POST', target: `/ta-${place}?delete`, body: remove, headers: [['content-md5', md5(remove)]] },
        { method: 'GET', target: `/ta-${place}?list-type=2` },
        { method: 'GET', target: `/ta-${place}?versions` },
        { method: 'GET', target: `/ta-${place}?versioning` }
      ]
      for (const [code, statuses] of CODES) {
        const undo = store.faults.add({ action: { kind: 'refuse', code } })
        for (const call of calls) {
          const outcome = await rig.send({ ...call, as: a1 })
          // A batch is answered key by key.
          const told =
            outcome.status === 200
              ? [/<Error>/.test(outcome.text), !/<Code>AccessDenied</.test(outcome.text)]
              : [statuses.includes(outcome.status), outcome.code !== 'AccessDenied' && outcome.status !== 403]
          t.same(told, [true, true], `${code} to ${call.method} ${call.target}: ${outcome.status} ${outcome.code ?? ''}`)
        }
        undo()
      }
    })
    await t.test(`S-32: an answer that breaks off is never a whole one (${place})`, async (t) => {
      rig.clear()
      await seed(rig, a1, `/ta-${place}/mine`)
      const undo = store.faults.add({ method: 'GET', operation: 'GetObject', action: { kind: 'truncate', bytes: 5 } })
      const outcome = await rig.send({ method: 'GET', target: `/ta-${place}/mine`, as: a1 }).catch((error: unknown) => String(error))
      t.ok(typeof outcome === 'string' || !outcome.response.whole || outcome.status === 503)
      undo()
      for (const operation of ['ListObjectsV2', 'GetObjectTagging']) {
        const cut = store.faults.add({ operation, action: { kind: 'truncate', bytes: 60 } })
        const { status } = await rig.send({
          method: 'GET',
          target: operation === 'ListObjectsV2' ? `/ta-${place}` : `/ta-${place}/mine?tagging`,
          as: a1
        })
        t.equal(status, 503, operation)
        cut()
      }
    })
  }
}
