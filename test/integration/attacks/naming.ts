import type { Test } from 'tap'
import { seed, stored } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'
import { PLACES } from './rig-config.ts'

const TENANT = 'ta-awstag'
const OTHER = 'tb-awstag'

/** S-5, S-6: the key that is authorised is the key that is sent, however it is written. */
export async function naming(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  const { a1, a2, b1 } = rig.callers
  for (const place of ['awstag', 'miniotag']) {
    await seed(rig, a1, `/ta-${place}/mine`)
    await seed(rig, a2, `/ta-${place}/others`)
    await seed(rig, b1, `/tb-${place}/secret`)
  }
  await dotSegments(t, rig)
  await faithfulKeys(t, rig)
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
      KEYS.length + 2,
      'each key is an object of its own'
    )
    t.match(await stored(rig, 'aws', { bucket, key: `${OTHER}/secret` }), /canaryb1canary/, 'and the other tenant’s is untouched')
  })
}
