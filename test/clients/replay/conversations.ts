import type { Test } from 'tap'
import { checksum, signedBody, trailedBody, type Replayer } from './rig.ts'

export interface Conversation {
  readonly client: string
  readonly does: string
  run(scene: ConversationScene): Promise<void>
}

export interface ConversationScene {
  readonly t: Test
  readonly as: Replayer
  readonly tenant: string
}

const LATER = ['404', '403']
const PART_BYTES = 5 * 1024 * 1024

/** What clients ask around their work, in their own spelling. */
export const CONVERSATIONS: readonly Conversation[] = [
  {
    client: 's3cmd',
    does: 'asks for the location before every command, and for policy, CORS and ACL',
    async run({ t, as, tenant }) {
      const location = await as.send({ method: 'GET', target: `/${tenant}/?location` })
      t.equal(location.status, 200)
      t.match(location.text, /<LocationConstraint[^>]*>local<\/LocationConstraint>/)
      for (const [query, code] of Object.entries({ policy: 'NoSuchBucketPolicy', cors: 'NoSuchCORSConfiguration' })) {
        t.match(await as.send({ method: 'GET', target: `/${tenant}/?${query}` }), { status: 404, code })
      }
      await as.send({ method: 'PUT', target: `/${tenant}/probe/s3cmd`, body: Buffer.from('x') })
      const acl = await as.send({ method: 'GET', target: `/${tenant}/probe/s3cmd?acl` })
      t.equal(acl.status, 200)
      t.match(acl.text, '<Permission>FULL_CONTROL</Permission>')
    }
  },
  {
    client: 'rclone',
    does: 'looks, creates the bucket that is there, uploads and looks again',
    async run({ t, as, tenant }) {
      const key = `/${tenant}/probe/rclone`
      t.equal((await as.send({ method: 'HEAD', target: key })).status, 404)
      const created = await as.send({
        method: 'PUT',
        target: `/${tenant}`,
        headers: [['x-amz-bucket-object-lock-enabled', 'false']],
        framing: 'length'
      })
      t.ok(created.status === 200 || (created.status === 409 && created.code === 'BucketAlreadyOwnedByYou'), created.code)
      const body = Buffer.from('by rclone')
      const headers = [['Content-Md5', checksum('MD5', body)]] as const
      t.equal((await as.send({ method: 'PUT', target: `${key}?x-id=PutObject`, headers, payload: 'UNSIGNED-PAYLOAD', body })).status, 200)
      const head = await as.send({ method: 'HEAD', target: key })
      // It compares the MD5 of what it sent with the ETag.
      t.equal(head.header('etag'), `"${Buffer.from(checksum('MD5', body), 'base64').toString('hex')}"`)
      t.equal((await as.send({ method: 'GET', target: `/${tenant}?versioning=` })).status, 200)
      // List version 1 without an encoding, as for any provider that it does not know.
      const listed = await as.send({ method: 'GET', target: `/${tenant}?delimiter=%2F&max-keys=1000&prefix=probe%2F` })
      t.match(listed.text, '<Key>probe/rclone</Key>')
    }
  },
  {
    client: 'restic',
    does: 'finds no repository, writes its configuration and lists its folders',
    async run({ t, as, tenant }) {
      t.equal((await as.send({ method: 'HEAD', target: `/${tenant}/` })).status, 200)
      t.equal((await as.send({ method: 'HEAD', target: `/${tenant}/restic/config` })).status, 404)
      const body = Buffer.from('{"version":2}')
      const stored = await as.send({
        method: 'PUT',
        target: `/${tenant}/restic/config`,
        headers: [
          ['Content-Md5', checksum('MD5', body)],
          ['X-Amz-Decoded-Content-Length', String(body.length)]
        ],
        payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
        bodyFrom: signedBody(body, 65_536)
      })
      t.equal(stored.status, 200)
      const query = 'delimiter=&encoding-type=url&fetch-owner=true&list-type=2&prefix=restic%2F'
      const listed = await as.send({ method: 'GET', target: `/${tenant}/?${query}` })
      t.equal(listed.status, 200)
      t.match(listed.text, '<Key>restic/config</Key>')
      t.match((await as.send({ method: 'GET', target: `/${tenant}/restic/config` })).text, '{"version":2}')
    }
  },
  {
    client: 's3fs',
    does: 'writes query values unencoded, looks for folders and copies from a source with a leading slash',
    async run({ t, as, tenant }) {
      await as.send({
        method: 'PUT',
        target: `/${tenant}/probe/s3fs%20a`,
        body: Buffer.from('file'),
        headers: [['x-amz-meta-mode', '33188']]
      })
      const listed = await as.send({ method: 'GET', target: `/${tenant}/?delimiter=/&prefix=probe/` })
      t.match(listed.text, '<Key>probe/s3fs a</Key>')
      for (const name of ['s3fs/', 's3fs_$folder$']) {
        t.equal((await as.send({ method: 'HEAD', target: `/${tenant}/probe/${encodeURIComponent(name).replace('%2F', '/')}` })).status, 404)
      }
      const copied = await as.send({
        method: 'PUT',
        target: `/${tenant}/probe/s3fs%20b`,
        headers: [
          ['x-amz-copy-source', `/${tenant}/probe/s3fs%20a`],
          ['x-amz-metadata-directive', 'REPLACE'],
          ['x-amz-meta-mode', '33152']
        ]
      })
      t.equal(copied.status, 200, copied.text)
      t.match(copied.text, /^<\?xml[^>]*>\s*<CopyObjectResult/)
      t.equal((await as.send({ method: 'HEAD', target: `/${tenant}/probe/s3fs%20b` })).header('x-amz-meta-mode'), '33152')
    }
  },
  {
    client: 'mc',
    does: 'probes a bucket that is not there, asks for the object lock and lists one key',
    async run({ t, as, tenant }) {
      const probed = await as.send({ method: 'HEAD', target: '/probe-bsign-x7v1kq9d2m4n6p8r0t3w5y7z9b1c3e/' })
      t.ok([200, ...LATER.map(Number)].includes(probed.status), `it is answered ${probed.status}`)
      t.match(await as.send({ method: 'GET', target: `/${tenant}/?object-lock=` }), {
        status: 404,
        code: 'ObjectLockConfigurationNotFoundError'
      })
      const query = 'delimiter=%2F&encoding-type=url&fetch-owner=true&list-type=2&max-keys=1&prefix=nowhere%2F'
      t.match(await as.send({ method: 'GET', target: `/${tenant}/?${query}` }), { status: 200 })
    }
  },
  {
    client: 'the CRT of aws cli v2',
    does: 'names crc64nvme for a multipart upload and completes it with bare ETags and its size',
    async run({ t, as, tenant }) {
      const key = `/${tenant}/probe/crt`
      const created = await as.send({
        method: 'POST',
        target: `${key}?uploads=`,
        headers: [
          ['x-amz-checksum-algorithm', 'CRC64NVME'],
          ['x-amz-checksum-type', 'FULL_OBJECT']
        ],
        payload: 'UNSIGNED-PAYLOAD'
      })
      t.equal(created.status, 200, created.text)
      const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(created.text)?.[1] ?? ''
      const data = [Buffer.alloc(PART_BYTES, 'a'), Buffer.from('the end')]
      const parts: string[] = []
      for (const [index, part] of data.entries()) {
        const value = checksum('CRC64NVME', part)
        const sent = await as.send({
          method: 'PUT',
          target: `${key}?partNumber=${index + 1}&uploadId=${uploadId}`,
          headers: [
            ['content-encoding', 'aws-chunked'],
            ['x-amz-decoded-content-length', String(part.length)],
            ['x-amz-trailer', 'x-amz-checksum-crc64nvme']
          ],
          payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
          body: trailedBody(part, part.length, `x-amz-checksum-crc64nvme:${value}`)
        })
        t.equal(sent.status, 200, sent.text)
        const etag = (sent.header('etag') ?? '').replaceAll('"', '')
        parts.push(`<Part><ChecksumCRC64NVME>${value}</ChecksumCRC64NVME><ETag>${etag}</ETag><PartNumber>${index + 1}</PartNumber></Part>`)
      }
      const whole = Buffer.concat(data)
      const completed = await as.send({
        method: 'POST',
        target: `${key}?uploadId=${uploadId}`,
        headers: [
          ['x-amz-checksum-crc64nvme', checksum('CRC64NVME', whole)],
          ['x-amz-checksum-type', 'FULL_OBJECT'],
          ['x-amz-mp-object-size', String(whole.length)]
        ],
        payload: 'UNSIGNED-PAYLOAD',
        body: Buffer.from(
          `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`
        )
      })
      t.match(completed.text, '<CompleteMultipartUploadResult')
      const head = await as.send({ method: 'HEAD', target: key, headers: [['x-amz-checksum-mode', 'enabled']], framing: 'length' })
      t.equal(head.header('content-length'), String(whole.length))
      t.equal(head.header('x-amz-checksum-crc64nvme'), checksum('CRC64NVME', whole))
      const part = await as.send({ method: 'GET', target: key, headers: [['range', `bytes=${PART_BYTES}-`]] })
      t.match(part, { status: 206, text: 'the end' })
    }
  },
  {
    client: 'pyarrow',
    does: 'sends ten bytes as a multipart upload with chunked parts',
    async run({ t, as, tenant }) {
      const key = `/${tenant}/probe/pyarrow`
      const sdk = [['x-amz-api-version', '2006-03-01']] as const
      const created = await as.send({
        method: 'POST',
        target: `${key}?uploads`,
        headers: [...sdk, ['content-type', 'application/octet-stream']]
      })
      t.equal(created.status, 200, created.text)
      const uploadId = /<UploadId>([^<]+)<\/UploadId>/.exec(created.text)?.[1] ?? ''
      const part = Buffer.from('ten bytes!')
      const sent = await as.send({
        method: 'PUT',
        target: `${key}?partNumber=1&uploadId=${uploadId}`,
        headers: [
          ...sdk,
          ['content-encoding', 'aws-chunked'],
          ['x-amz-decoded-content-length', String(part.length)],
          ['x-amz-trailer', 'x-amz-checksum-crc64nvme']
        ],
        payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        body: trailedBody(part, part.length, `x-amz-checksum-crc64nvme:${checksum('CRC64NVME', part)}`),
        framing: 'chunked',
        waits: true
      })
      t.equal(sent.status, 200, sent.text)
      const xml = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${sent.header('etag') ?? ''}</ETag></Part></CompleteMultipartUpload>`
      t.match((await as.send({ method: 'POST', target: `${key}?uploadId=${uploadId}`, headers: sdk, body: Buffer.from(xml) })).status, 200)
      t.equal((await as.send({ method: 'GET', target: key })).text, 'ten bytes!')
    }
  }
]
