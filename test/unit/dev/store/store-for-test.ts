import { S3Client } from '@aws-sdk/client-s3'
import type { Test } from 'tap'
import { startStore, type Store, type StoreOptions } from '../../../../proxy/dev/store/start-store.ts'
import { sendRaw, type RawAnswer, type RawAsk, type Upstream } from '../../../conformance/raw-request.ts'

export interface TestStore {
  readonly store: Store
  readonly upstream: Upstream
  readonly client: S3Client
  raw(ask: RawAsk): Promise<RawAnswer>
}

const CREDENTIALS = { accessKeyId: 'store-key', secretAccessKey: 'store-secret' }

/** A store with the bucket `b` that goes with its test; the test fails if the store had an error of its own. */
export async function storeForTest(t: Test, options: Partial<StoreOptions> = {}): Promise<TestStore> {
  const store = await startStore({
    provider: 'aws',
    credentials: CREDENTIALS,
    region: 'eu-test-1',
    host: '127.0.0.1',
    port: 0,
    now: () => new Date(),
    ...options
  })
  store.createBucket('b')
  const upstream = { endpoint: store.endpoint, region: store.region, ...CREDENTIALS }
  const client = new S3Client({
    endpoint: store.endpoint,
    region: store.region,
    credentials: CREDENTIALS,
    forcePathStyle: true,
    maxAttempts: 1
  })
  t.teardown(async () => {
    client.destroy()
    await store.close()
    const [failure] = store.failures
    if (failure !== undefined) throw failure
  })
  return { store, upstream, client, raw: (ask) => sendRaw(upstream, ask) }
}
