import t from 'tap'
import { runInNewContext } from 'node:vm'
import { setFlagsFromString } from 'node:v8'
import { parseAuthorization } from '../../../proxy/sigv4/authorization.ts'
import { SigningKeyCache } from '../../../proxy/sigv4/signing-key.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const MIB = 1024 * 1024

t.test('what is remembered of strangers holds nothing of the headers that it came from', async (t) => {
  const cache = new SigningKeyCache(10_000)
  collect()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 2_000; i++) {
    // A text of its own, as node makes one of each header; everything that is cut out of it would keep all of it.
    const signature = Buffer.alloc(60_000, `${i % 10}`).toString('latin1')
    const credential = `STRANGER${String(i).padStart(12, '0')}/20261124/some-far-region-1/s3/aws4_request`
    const head = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host;x-amz-date, Signature=`
    const authorization = parseAuthorization(Buffer.from(head + signature, 'latin1').toString('latin1'))
    cache.keyFor({ accessKeyId: authorization.accessKeyId, secretAccessKey: 'nobody' }, authorization)
  }
  collect()
  const grown = process.memoryUsage().heapUsed - before
  t.ok(grown < 16 * MIB, `${Math.round(grown / MIB)} MiB`)
  t.equal(cache.size, 2_000)
})
