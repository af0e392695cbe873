import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import t from 'tap'
import { startSite, TENANT } from './site.ts'

const site = await startSite()
t.teardown(() => site.stop())

const clientWith = (systemClockOffset: number, maxAttempts: number): S3Client =>
  new S3Client({
    ...{ endpoint: `http://${site.host}`, region: 'local', forcePathStyle: true, systemClockOffset, maxAttempts },
    credentials: site.session()
  })

const MINUTE = 60_000
for (const { minutes, taken } of [
  { minutes: -16, taken: false },
  { minutes: -14, taken: true },
  { minutes: 14, taken: true },
  { minutes: 16, taken: false }
]) {
  t.test(`a request signed ${minutes} minutes from now is ${taken ? 'taken' : 'refused'}`, async (t) => {
    const before = site.reached()
    const sending = clientWith(minutes * MINUTE, 1).send(new PutObjectCommand({ Bucket: TENANT, Key: 'skewed', Body: 'x' }))
    if (taken) {
      t.equal((await sending).$metadata.httpStatusCode, 200)
      return
    }
    const error = await sending.catch((thrown: unknown) => thrown)
    t.match(error, { name: 'RequestTimeTooSkewed', $metadata: { httpStatusCode: 403 }, MaxAllowedSkewMilliseconds: '900000' })
    t.equal(site.reached(), before, 'nothing reached the upstream')
  })
}

t.test('every answer carries the date', async (t) => {
  const { headers } = await site.send({ method: 'GET', target: `/${TENANT}/a` })
  t.ok(Math.abs(Date.parse(String(headers['date'])) - Date.now()) < 5_000)
})

t.test('the refusal tells the time, and an SDK whose clock is an hour off corrects itself by it', async (t) => {
  site.advance(3600)
  const client = clientWith(0, 3)
  await client.send(new PutObjectCommand({ Bucket: TENANT, Key: 'corrected', Body: 'x' }))
  const got = await client.send(new GetObjectCommand({ Bucket: TENANT, Key: 'corrected' }))
  t.equal(await got.Body?.transformToString(), 'x')
})

t.test('whoever does not hold the secret learns nothing of the clock', async (t) => {
  const stranger = new S3Client({
    ...{ endpoint: `http://${site.host}`, region: 'local', forcePathStyle: true, systemClockOffset: 0, maxAttempts: 1 },
    credentials: { ...site.session(), secretAccessKey: 'guess' }
  })
  const error = await stranger.send(new GetObjectCommand({ Bucket: TENANT, Key: 'corrected' })).catch((thrown: unknown) => thrown)
  t.match(error, { name: 'SignatureDoesNotMatch' })
})
