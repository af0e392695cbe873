import type { Test } from 'tap'
import { beginUpload, seed, taggingBody } from './calls.ts'
import { refused, succeeds, type Reach } from './refusal.ts'
import type { Call, Rig } from './rig.ts'
import { PLACES } from './rig-config.ts'

const TENANT = 'ta-awstag'

/** Copy sources that must not be read: `code` as CopyObject and UploadPartCopy answer. */
const SOURCES: readonly (readonly [source: string, code: string, reach: Reach])[] = [
  ['/tb-PLACE/secret', 'AccessDenied', 'nothing'],
  ['tb-PLACE/secret', 'AccessDenied', 'nothing'],
  ['%2Ftb-PLACE%2Fsecret', 'AccessDenied', 'nothing'],
  ['%74b-PLACE/secret', 'AccessDenied', 'nothing'],
  ['tb-PLACE/secret?versionId=null', 'AccessDenied', 'nothing'],
  ['ta-PLACE/../tb-PLACE/secret', 'InvalidArgument', 'nothing'],
  ['ta-PLACE/%2e%2e/tb-PLACE/secret', 'InvalidArgument', 'nothing'],
  ['ta-PLACE%2F..%2Ftb-PLACE%2Fsecret', 'InvalidArgument', 'nothing'],
  ['ta-PLACE/./mine', 'InvalidArgument', 'nothing'],
  ['ta-PLACE/mine/..', 'InvalidArgument', 'nothing'],
  ['../tb-PLACE/secret', 'InvalidArgument', 'nothing'],
  ['//tb-PLACE/secret', 'InvalidArgument', 'nothing'],
  ['', 'InvalidArgument', 'nothing'],
  ['/', 'InvalidArgument', 'nothing'],
  ['//', 'InvalidArgument', 'nothing'],
  ['ta-PLACE', 'InvalidArgument', 'nothing'],
  ['ta-PLACE/', 'InvalidArgument', 'nothing'],
  ['?versionId=null', 'InvalidArgument', 'nothing'],
  ['ta-PLACE/mine?versionId=', 'InvalidArgument', 'nothing'],
  ['ta-PLACE/mine%00', 'InvalidArgument', 'nothing'],
  ['ta-PLACE/mine%zz', 'InvalidArgument', 'nothing'],
  ['ta-PLACE/mine%', 'InvalidArgument', 'nothing'],
  ['ta-PLACE/%ff', 'InvalidArgument', 'nothing'],
  ['ta-PLACE/%c0%ae%c0%ae/x', 'InvalidArgument', 'nothing'],
  [`ta-PLACE/${'k'.repeat(1025)}`, 'InvalidArgument', 'nothing'],
  ['arn:aws:s3:eu-west-1:123456789012:accesspoint/point/object/secret', 'InvalidArgument', 'nothing'],
  ['arn:aws:s3:::tb-PLACE/secret', 'InvalidArgument', 'nothing'],
  ['https://evil.example/ta-PLACE/mine', 'InvalidArgument', 'nothing'],
  ['zq-phys-aws-tag/tb-PLACE/secret', 'AccessDenied', 'nothing'],
  ['ta-PLACE/others', 'AccessDenied', 'looks'],
  ['/ta-PLACE/%6fthers', 'AccessDenied', 'looks'],
  ['ta-PLACE/others?versionId=null', 'AccessDenied', 'looks'],
  // All of these are other keys, of which there is none.
  ['ta-PLACE/mine%3FversionId%3Dnull', 'NoSuchKey', 'looks'],
  ['ta-PLACE/mine%253FversionId%253Dnull', 'NoSuchKey', 'looks'],
  ['ta-PLACE/%252e%252e%252ftb-PLACE%252fsecret', 'NoSuchKey', 'looks'],
  ['ta-PLACE/%256dine', 'NoSuchKey', 'looks'],
  ['ta-PLACE/mine#fragment', 'NoSuchKey', 'looks'],
  ['ta-PLACE/mine?x=y', 'NoSuchKey', 'looks'],
  ['ta-PLACE/mi+ne', 'NoSuchKey', 'looks']
]

/** S-4: a copy reads what its caller may read, and nothing else. */
export async function copies(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  const { a1, a2, b1 } = rig.callers
  for (const place of ['awstag', 'miniotag']) {
    await seed(rig, a1, `/ta-${place}/mine`)
    await seed(rig, a2, `/ta-${place}/others`)
    await seed(rig, b1, `/tb-${place}/secret`)
  }
  await copySources(t, rig)
}

async function copySources(t: Test, rig: Rig): Promise<void> {
  const { a1, w1 } = rig.callers
  for (const place of ['awstag', 'miniotag']) {
    const { uploadId } = await beginUpload(rig, a1, `/ta-${place}/upload`)
    // In class B a small source is read, held and put: the read is the look.
    const seen: Reach = place === 'awstag' ? 'looks' : 'reads'
    const targets = [`/ta-${place}/copy`, `/ta-${place}/upload?partNumber=2&uploadId=${uploadId}`]
    await t.test(`S-4: a copy reads only what its caller may read, however the source is written (${place})`, async (t) => {
      for (const target of targets) {
        await succeeds(t, rig, `${target}: the caller's own object`, {
          method: 'PUT',
          target: target.replace('/copy', '/good'),
          as: a1,
          headers: [['x-amz-copy-source', `ta-${place}/mine`]]
        })
        for (const [written, code, reach] of SOURCES) {
          const source = written.replaceAll('PLACE', place)
          const call: Call = { method: 'PUT', target, as: a1, headers: [['x-amz-copy-source', source]] }
          await refused(t, rig, {
            why: `${target.includes('?') ? 'part' : 'object'} from ${source.slice(0, 80)}`,
            call,
            code,
            reach: reach === 'looks' ? seen : reach
          })
        }
        const twice: Call = {
          method: 'PUT',
          target,
          as: a1,
          headers: [
            ['x-amz-copy-source', `ta-${place}/mine`],
            ['X-Amz-Copy-Source', `tb-${place}/secret`]
          ]
        }
        await refused(t, rig, { why: 'two sources', call: twice, code: 'InvalidRequest' })
        const physical: Call = {
          method: 'PUT',
          target,
          as: w1,
          headers: [['x-amz-copy-source', `${PLACES.awsTag.bucket}/tb-${place}/secret`]]
        }
        await refused(t, rig, {
          why: 'the upstream’s own name, by a caller of every tenant',
          call: physical,
          code: target.includes('?') ? 'NoSuchUpload' : 'NoSuchKey',
          reach: 'reads'
        })
      }
    })
  }
  await t.test('S-4: a copy source on anything but a copy is refused', async (t) => {
    const headers: Call['headers'] = [['x-amz-copy-source', `${TENANT}/mine`]]
    for (const [method, target] of [
      ['GET', `/${TENANT}/mine`],
      ['HEAD', `/${TENANT}/mine`],
      ['DELETE', `/${TENANT}/mine`],
      ['POST', `/${TENANT}/mine?uploads`],
      ['PUT', `/${TENANT}`],
      ['GET', `/${TENANT}`],
      ['GET', '/'],
      ['POST', `/${TENANT}?delete`]
    ] as const) {
      await refused(t, rig, {
        why: `${method} ${target}`,
        call: { method, target, as: a1, headers },
        code: method === 'HEAD' ? null : 'InvalidArgument',
        status: 400
      })
    }
    for (const target of [`/${TENANT}/mine?tagging`, `/${TENANT}/mine?acl`]) {
      await refused(t, rig, {
        why: `PUT ${target}`,
        call: { method: 'PUT', target, as: a1, headers, body: taggingBody() },
        code: 'NotImplemented'
      })
    }
  })
  await t.test('S-4: a copy takes neither content nor tags nor metadata onto another’s object', async (t) => {
    for (const directive of ['COPY', 'REPLACE']) {
      const headers: Call['headers'] = [
        ['x-amz-copy-source', `${TENANT}/mine`],
        ['x-amz-metadata-directive', directive],
        ['x-amz-tagging-directive', directive]
      ]
      await refused(t, rig, {
        why: directive,
        call: { method: 'PUT', target: `/${TENANT}/others`, as: a1, headers },
        code: 'AccessDenied',
        reach: 'looks'
      })
    }
  })
}
