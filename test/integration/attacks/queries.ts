import type { Test } from 'tap'
import { md5, seed, stored, taggingBody } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'
import { PLACES } from './rig-config.ts'

const TENANT = 'ta-awstag'

/** S-7: every parameter is listed, comes once and means one thing. */
export async function queries(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  const { a1 } = rig.callers
  await seed(rig, a1, `/${TENANT}/mine`)
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
