import { join } from 'node:path'
import { test } from 'tap'
import { startPostgres } from '../../helpers/postgres.ts'
import { startSluice, type SluiceOptions } from '../../helpers/sluice.ts'
import { startWorker } from '../driver.ts'
import { checkStore, runSteps, type ClientUnderTest } from '../run-steps.ts'

const worker = (name: string): string => join(import.meta.dirname, `${name}.ts`)

const SDK: ClientUnderTest = {
  name: 'AWS SDK for JavaScript, path style',
  amount: 'full',
  lacks: ['managedCopy', 'presign', 'presignPut'],
  start: (sluice, service) =>
    Promise.resolve(startWorker({ command: process.execPath, args: [worker('worker')], env: sluice.services[service].env }))
}

const SDK_BY_HOST_NAME: ClientUnderTest = {
  ...SDK,
  name: 'AWS SDK for JavaScript, virtual-hosted style',
  amount: 'small',
  // The SDK puts the bucket into the host where the endpoint has a name and not an address.
  start: (sluice, service) => {
    const env = { ...sluice.services[service].env, AWS_ENDPOINT_URL_S3: `http://s3.localhost:${sluice.s3Port}`, LOOK_UP_LOOPBACK: '1' }
    return Promise.resolve(startWorker({ command: process.execPath, args: [worker('worker')], env }))
  }
}

const MINIO_JS: ClientUnderTest = {
  name: 'minio-js',
  amount: 'full',
  lacks: ['conditions', 'contentType', 'managedCopy', 'tagCount', 'trace', 'utf8Metadata'],
  async start(sluice, service) {
    const { accessKeyId, secretAccessKey, sessionToken } = await sluice.session(service)
    const env = { ENDPOINT: sluice.s3, ACCESS_KEY_ID: accessKeyId, SECRET_ACCESS_KEY: secretAccessKey, SESSION_TOKEN: sessionToken }
    return startWorker({ command: process.execPath, args: [worker('minio-worker')], env })
  }
}

interface Setting {
  readonly title: string
  readonly options: SluiceOptions
  readonly clients: readonly ClientUnderTest[]
}

const minio = process.env['SLUICE_TEST_MINIO']

const SETTINGS: readonly Setting[] =
  minio === undefined
    ? [
        { title: 'a store like AWS, by tag and mark', options: { provider: 'aws' }, clients: [SDK, MINIO_JS] },
        {
          title: 'a store like MinIO, by the mark alone',
          options: { provider: 'minio', ownership: 'metadata' },
          clients: [SDK_BY_HOST_NAME]
        }
      ]
    : [
        { title: 'MinIO, by tag and mark', options: { store: { minio }, provider: 'minio' }, clients: [SDK, MINIO_JS] },
        {
          title: 'MinIO, by the mark alone',
          options: { store: { minio }, provider: 'minio', ownership: 'metadata' },
          clients: [SDK_BY_HOST_NAME]
        }
      ]

/** Far more than all takes on an idle machine. */
const TIMEOUT_MS = 400_000

test('JavaScript clients', { timeout: TIMEOUT_MS }, async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.stop())
  for (const { title, options, clients } of SETTINGS) {
    await t.test(title, { timeout: TIMEOUT_MS }, async (t) => {
      const sluice = await startSluice({ ...options, postgres })
      t.teardown(() => sluice.stop())
      for (const client of clients)
        await t.test(client.name, { timeout: TIMEOUT_MS }, (t) =>
          runSteps(t, client, { sluice, emptySegments: options.provider !== 'minio' })
        )
      if (options.store === undefined) await checkStore(t, sluice)
    })
  }
})
