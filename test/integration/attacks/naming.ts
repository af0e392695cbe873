import type { Test } from 'tap'
import { beginUpload, md5, seed, stored, taggingBody } from './calls.ts'
import { refused, succeeds, type Reach } from './refusal.ts'
import type { Call, Rig } from './rig.ts'
import { PLACES } from './rig-config.ts'

const TENANT = 'ta-awstag'
const OTHER = 'tb-awstag'

/** S-4 to S-7: what is authorised is what is sent, however it is written. */
export async function naming(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  const { a1, a2, b1 } = rig.callers
  for (const place of ['awstag', 'miniotag']) {
    await seed(rig, a1, `/ta-${place}/mine`)
    await seed(rig, a2, `/ta-${place}/others`)
    await seed(rig, b1, `/tb-${place}/secret`)
  }
  await copySources(t, rig)
  await dotSegments(t, rig)
  await faithfulKeys(t, rig)
  await queries(t, rig)
}

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

/** Targets that other readers of the same bytes would take for another path. */
const BAD_TARGETS: readonly (readonly [target: string, code: string])[] = [
  [`/${TENANT}/../${OTHER}/secret`, 'InvalidURI'],
  [`/${TENANT}/%2e%2e/${OTHER}/secret`, 'InvalidURI'],
  [`/${TENANT}/%2E%2E/${OTHER}/secret`, 'InvalidURI'],
  [`/${TENANT}/.%2e/${OTHER}/secret`, 'InvalidURI'],
  [`/${TENANT}/..%2f${OTHER}%2fsecret`, 'InvalidURI'],
  [`/${TENANT}/a%2f..%2f..%2f${OTHER}%2fsecret`, 'InvalidURI'],
  [`/${TENANT}/..`, 'InvalidURI'],
  [`/${TENANT}/.`, 'InvalidURI'],
  [`/${TENANT}/%2e`, 'InvalidURI'],
  [`/${TENANT}/./mine`, 'InvalidURI'],
  [`/${TENANT}/mine/.`, 'InvalidURI'],
  [`/${TENANT}/mine/..`, 'InvalidURI'],
  [`/${TENANT}/mine/%2e%2e/`, 'InvalidURI'],
  [`/${TENANT}/\\..\\${OTHER}\\secret`, 'InvalidURI'],
  [`/${TENANT}/mine#x`, 'InvalidURI'],
  [`/${TENANT}/mine%00`, 'InvalidArgument'],
  [`/${TENANT}/mine%00/../x`, 'InvalidArgument'],
  [`/${TENANT}/mine%zz`, 'InvalidURI'],
  [`/${TENANT}/mine%`, 'InvalidURI'],
  [`/${TENANT}/mine%2`, 'InvalidURI'],
  [`/${TENANT}/%ff`, 'InvalidURI'],
  [`/${TENANT}/%c0%ae%c0%ae/x`, 'InvalidURI'],
  [`/${TENANT}/%ed%a0%80`, 'InvalidURI'],
  [`/${TENANT}/${'k'.repeat(1025)}`, 'KeyTooLongError'],
  [`/${TENANT}/${'k'.repeat(1020)}`, 'KeyTooLongError'],
  [`//${OTHER}/secret`, 'InvalidBucketName'],
  [`/..//${OTHER}/secret`, 'InvalidBucketName'],
  [`/../${OTHER}/secret`, 'InvalidBucketName'],
  [`/%2e%2e/${OTHER}/secret`, 'InvalidBucketName'],
  [`/${TENANT}%2f..%2f${OTHER}/secret`, 'InvalidBucketName'],
  [`/${TENANT}%00/mine`, 'InvalidBucketName'],
  [`/${TENANT}%20/mine`, 'InvalidBucketName'],
  [`/ ${TENANT}/mine`.replace(' ', '%20'), 'InvalidBucketName'],
  [`/x/mine`, 'InvalidBucketName'],
  [`http://evil.example/${TENANT}/mine`, 'InvalidURI'],
  [`${TENANT}/mine`, 'BadRequest'],
  ['*', 'InvalidURI']
]

async function dotSegments(t: Test, rig: Rig): Promise<void> {
  const { a1, b1 } = rig.callers
  for (const method of ['GET', 'PUT', 'DELETE'] as const) {
    await t.test(`S-5: ${method} on a path with dot segments, broken escapes or another form is refused`, async (t) => {
      for (const [target, code] of BAD_TARGETS) {
        const call: Call = { method, target, as: a1, ...(method === 'PUT' && { body: 'x' }) }
        await refused(t, rig, { why: target.slice(0, 90), call, code })
      }
    })
  }
  await t.test('S-5: a tenant is reached by its own name alone', async (t) => {
    for (const name of [
      OTHER,
      OTHER.toUpperCase(),
      `%74b-awstag`,
      `${TENANT}.`,
      `${TENANT}-`,
      TENANT.toUpperCase(),
      'zq-phys-aws-tag',
      'ta_awstag',
      'ta-awstag..x',
      '127.0.0.1'
    ]) {
      for (const method of ['GET', 'PUT', 'DELETE'] as const) {
        const call: Call = { method, target: `/${name}/secret`, as: a1, ...(method === 'PUT' && { body: 'x' }) }
        const outcome = await refused(t, rig, {
          why: `${method} ${name}`,
          call,
          code: /^ta-awstag[.-]/.test(name) ? 'NoSuchBucket' : 'AccessDenied'
        })
        t.notMatch(outcome.text, /canary/)
      }
    }
    const { code } = await rig.send({ method: 'GET', target: `/${TENANT}/mine`, as: b1 })
    t.equal(code, 'AccessDenied', 'nor by a role that names others')
  })
}

const KEYS = [
  'plain',
  'a b',
  ' lead',
  'trail ',
  'a+b',
  'a%2Fb',
  '%2e%2e/%2e%2e/x',
  '%252e',
  '100%.txt',
  "!('):@+,;$&",
  '*',
  '~#|',
  '[1]{2}',
  'literal-%3D-x',
  'a=b',
  'a?b',
  '?versionId=null',
  'a&b=c',
  '//',
  '/lead',
  'a//b',
  'a///b/',
  'dir/',
  '...',
  '..a',
  'a..',
  '.hidden',
  'a/...',
  'a/..b/c',
  'back\\slash',
  '\\..\\',
  '"quoted"',
  '<tag>&amp;',
  "it's",
  'tab\tnew\nline',
  '\u0001',
  '\u007f',
  'é',
  'e\u0301',
  'Ω',
  '日本語',
  '😀',
  '\ufeffbom',
  '\uffff',
  'tb-awstag/secret',
  'k'.repeat(900),
  `${'é'.repeat(450)}`
]

async function faithfulKeys(t: Test, rig: Rig): Promise<void> {
  const { a1 } = rig.callers
  const { bucket } = PLACES.awsTag
  await t.test('S-6: every other key is stored and found under the tenant’s prefix, byte for byte, however it was encoded', async (t) => {
    for (const key of KEYS) {
      const strict = [...Buffer.from(key, 'utf8')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
      // Upper case is how SDKs write it; lower case and escapes of plain characters mean the same.
      const usual = encodeURIComponent(key).replaceAll('%2F', '/')
      const put = await succeeds(t, rig, `PUT ${JSON.stringify(key.slice(0, 40))}`, {
        method: 'PUT',
        target: `/${TENANT}/${strict}`,
        as: a1,
        body: `content of ${key}`
      })
      const [sent] = put.upstream.filter(({ method }) => method === 'PUT')
      t.equal(decodeURIComponent(sent?.rawTarget ?? ''), `/${bucket}/${TENANT}/${key}`, 'what was sent decodes to prefix and key')
      t.equal(
        sent?.rawTarget,
        `/${bucket}/${TENANT}/${encodeURIComponent(key)
          .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
          .replaceAll('%2F', '/')}`,
        'and is encoded once, strictly'
      )
      const get = await rig.send({ method: 'GET', target: `/${TENANT}/${usual}`, as: a1 })
      t.equal(get.response.body.toString('utf8'), `content of ${key}`, 'and is read back')
      t.ok(rig.stores.aws.objects(bucket).has(`${TENANT}/${key}`), 'and stands under its own name')
    }
    t.equal(
      [...rig.stores.aws.objects(bucket).keys()].filter((key) => key.startsWith(`${TENANT}/`)).length,
      KEYS.length + 3,
      'each key is an object of its own'
    )
    t.match(await stored(rig, 'aws', { bucket, key: `${OTHER}/secret` }), /canaryb1canary/, 'and the other tenant’s is untouched')
  })
}

async function queries(t: Test, rig: Rig): Promise<void> {
  const { a1 } = rig.callers
  const body = taggingBody(['colour', 'blue'])
  const object = `/${TENANT}/mine`
  const cases: readonly (readonly [method: string, target: string, code: string])[] = [
    ['GET', `${object}?versionId=null&versionId=null`, 'InvalidArgument'],
    ['GET', `${object}?versionId=null&version%49d=null`, 'InvalidArgument'],
    ['GET', `${object}?partNumber=1&partNumber=2`, 'InvalidArgument'],
    ['GET', `${object}?response-content-type=a&response-content-type=b`, 'InvalidArgument'],
    ['GET', `${object}?tagging&tagging`, 'InvalidArgument'],
    ['GET', `/${TENANT}?list-type=2&list-type=2`, 'InvalidArgument'],
    ['GET', `/${TENANT}?prefix=a&prefix=`, 'InvalidArgument'],
    ['GET', `/${TENANT}?list-type=2&start-after=a&start-after=b`, 'InvalidArgument'],
    ['DELETE', `${object}?uploadId=a&uploadId=b`, 'InvalidArgument'],
    ['PUT', `${object}?partNumber=1&uploadId=a&uploadId=b`, 'InvalidArgument'],
    ['PUT', `${object}?uploadId=a&partNumber=1&tagging`, 'NotImplemented'],
    ['PUT', `${object}?uploadId=a&tagging`, 'NotImplemented'],
    ['PUT', `${object}?tagging&acl`, 'NotImplemented'],
    ['PUT', `${object}?tagging&torrent`, 'NotImplemented'],
    ['PUT', `${object}?Tagging`, 'NotImplemented'],
    ['PUT', `${object}?TAGGING`, 'NotImplemented'],
    ['PUT', `${object}?tagging;versionId=x`, 'NotImplemented'],
    ['PUT', `${object}?tagging%3B`, 'NotImplemented'],
    ['PUT', `${object}?+tagging`, 'NotImplemented'],
    ['PUT', `${object}?%20tagging`, 'NotImplemented'],
    ['PUT', `${object}?unknown`, 'NotImplemented'],
    ['PUT', `${object}?=tagging`, 'NotImplemented'],
    ['PUT', `${object}?partNumber=1`, 'NotImplemented'],
    ['PUT', `${object}?versionId=null`, 'NotImplemented'],
    ['PUT', `${object}?uploadId`, 'InvalidArgument'],
    ['PUT', `${object}?uploadId=a`, 'InvalidArgument'],
    ['PUT', `${object}?uploadId=a&partNumber=0`, 'InvalidArgument'],
    ['PUT', `${object}?uploadId=a&partNumber=10001`, 'InvalidArgument'],
    ['PUT', `${object}?uploadId=a&partNumber=1e3`, 'InvalidArgument'],
    ['PUT', `${object}?uploadId=a&partNumber=%201`, 'InvalidArgument'],
    ['PUT', `${object}?uploadId=a&partNumber=-1`, 'InvalidArgument'],
    ['PUT', `${object}?acl`, 'NotImplemented'],
    ['PUT', `${object}?retention`, 'NotImplemented'],
    ['PUT', `${object}?legal-hold`, 'NotImplemented'],
    ['PUT', `${object}?append&position=0`, 'NotImplemented'],
    ['PUT', `${object}?renameObject`, 'NotImplemented'],
    ['POST', `${object}?restore`, 'NotImplemented'],
    ['POST', `${object}?select&select-type=2`, 'NotImplemented'],
    ['POST', `${object}`, 'NotImplemented'],
    ['POST', `${object}?delete`, 'NotImplemented'],
    ['GET', `${object}?torrent`, 'NotImplemented'],
    ['GET', `${object}?versionid=null`, 'NotImplemented'],
    ['GET', `${object}?versionId=`, 'InvalidArgument'],
    ['GET', `${object}?prefix=x`, 'NotImplemented'],
    ['GET', `${object}?lambdaArn=x`, 'NotImplemented'],
    ['GET', `${object}?response-content-type=a%0d%0aSet-Cookie:%20x=y`, 'InvalidArgument'],
    ['GET', `${object}?response-content-disposition=%00`, 'InvalidArgument'],
    ['GET', `${object}?response-expires=a%0ab`, 'InvalidArgument'],
    ['GET', `${object}?response-status=200`, 'NotImplemented'],
    ['GET', `${object}?%ff`, 'InvalidURI'],
    ['GET', `${object}?versionId=%zz`, 'InvalidURI'],
    ['GET', `${object}?versionId=null?tagging`, 'NoSuchVersion'],
    ['GET', `/${TENANT}?list-type=3`, 'NotImplemented'],
    ['GET', `/${TENANT}?list-type=`, 'NotImplemented'],
    ['GET', `/${TENANT}?list-type=2&marker=x`, 'NotImplemented'],
    ['GET', `/${TENANT}?versions&list-type=2`, 'NotImplemented'],
    ['GET', `/${TENANT}?uploads&versions`, 'NotImplemented'],
    ['GET', `/${TENANT}?list-type=2&max-keys=-1`, 'InvalidArgument'],
    ['GET', `/${TENANT}?list-type=2&max-keys=1e3`, 'InvalidArgument'],
    ['GET', `/${TENANT}?list-type=2&max-keys=99999999999`, 'InvalidArgument'],
    ['GET', `/${TENANT}?list-type=2&encoding-type=base64`, 'InvalidArgument'],
    ['GET', `/${TENANT}?list-type=2&fetch-owner=2`, 'InvalidArgument'],
    ['GET', `/${TENANT}?list-type=2&metadata=true`, 'NotImplemented'],
    ['GET', `/${TENANT}?list-type=2&allow-unordered=true`, 'NotImplemented'],
    ['DELETE', `/${TENANT}?force`, 'NotImplemented'],
    ['DELETE', `${object}?force`, 'NotImplemented'],
    ['DELETE', `${object}?bypass-governance-retention`, 'NotImplemented']
  ]
  await t.test('S-7: a parameter that comes twice, is not known, or belongs to something else is refused', async (t) => {
    for (const [method, target, code] of cases) {
      const call: Call = { method, target, as: a1, ...(method === 'PUT' && { body, headers: [['content-md5', md5(body)]] }) }
      await refused(t, rig, { why: `${method} ${target}`, call, code, reach: code === 'NoSuchVersion' ? 'reads' : 'nothing' })
    }
  })
  await t.test('S-7: the body of a tag change is never stored as an object, in whatever way the change is named', async (t) => {
    for (const query of [
      'tagging',
      'tagging=',
      '%74agging',
      'tagging&x-id=PutObjectTagging',
      'x-id=PutObject&tagging',
      '&tagging&',
      'tagging=x',
      'tagging&versionId=null'
    ]) {
      const put = await succeeds(t, rig, query, {
        method: 'PUT',
        target: `${object}?${query}`,
        as: a1,
        body,
        headers: [['content-md5', md5(body)]]
      })
      t.same(
        put.upstream.filter(({ method, operation }) => method === 'PUT' && operation !== 'PutObjectTagging'),
        [],
        'only tags were written'
      )
      t.match(
        await stored(rig, 'aws', { bucket: PLACES.awsTag.bucket, key: `${TENANT}/mine` }),
        /^the bytes of/,
        'and the object has its bytes'
      )
    }
  })
}
