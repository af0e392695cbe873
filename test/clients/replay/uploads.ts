import { gzipSync } from 'node:zlib'
import { bytesOf } from '../body.ts'
import { EMPTY_SHA256 } from '../../integration/attacks/signer.ts'
import { checksum, signedBody, trailedBody, type Replay } from './rig.ts'

/** One way in which a client was seen to send an object. */
export interface UploadCase {
  readonly client: string
  readonly does: string
  readonly data: Buffer
  request(data: Buffer): Omit<Replay, 'method' | 'target'>
  /** What reading it must show besides the bytes; null for a header that must not be there. */
  readonly shows?: Readonly<Record<string, string | null>>
  /** The refusal, where it must be one. */
  readonly refused?: { readonly status: number; readonly code: string }
}

const DATA = bytesOf({ size: 300_000, seed: 'replayed' })
const EMPTY = Buffer.alloc(0)
const KIB = 1024

const SDK_HEADERS = [
  ['amz-sdk-invocation-id', '8b6f0d7c-0000-4000-8000-5b7f1f0b8e61'],
  ['amz-sdk-request', 'attempt=1; max=3']
] as const

export const UPLOADS: readonly UploadCase[] = [
  {
    client: 'minio-go over http',
    does: 'signs chunks without naming aws-chunked, and leaves Content-Type unsigned',
    data: DATA,
    request: (data) => ({
      headers: [
        ['Content-Type', 'application/octet-stream'],
        ['X-Amz-Decoded-Content-Length', String(data.length)]
      ],
      unsigned: ['content-type'],
      payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      bodyFrom: signedBody(data, 64 * KIB)
    }),
    shows: { 'content-encoding': null, 'content-type': 'application/octet-stream' }
  },
  {
    client: 'minio-go over http',
    does: 'sends an empty object as one signed chunk inside chunked framing',
    data: EMPTY,
    request: (data) => ({
      headers: [['X-Amz-Decoded-Content-Length', '0']],
      payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      bodyFrom: signedBody(data, 64 * KIB),
      framing: 'chunked'
    })
  },
  {
    client: 'minio-go with trailing headers over http',
    does: 'ends a signed trailer with a bare line feed first',
    data: DATA,
    request: (data) => ({
      headers: [
        ['X-Amz-Decoded-Content-Length', String(data.length)],
        ['X-Amz-Trailer', 'x-amz-checksum-crc32c']
      ],
      payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
      bodyFrom: signedBody(data, 64 * KIB, { line: `x-amz-checksum-crc32c:${checksum('CRC32C', data)}`, end: 'lf crlf' })
    })
  },
  {
    client: 'minio-go with trailing headers over https',
    does: 'ends an unsigned trailer with a bare line feed first',
    data: DATA,
    request: (data) => ({
      headers: [
        ['Content-Encoding', 'aws-chunked'],
        ['X-Amz-Decoded-Content-Length', String(data.length)],
        ['X-Amz-Trailer', 'x-amz-checksum-crc32c']
      ],
      payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      body: trailedBody(data, 64 * KIB, `x-amz-checksum-crc32c:${checksum('CRC32C', data)}`, '\n\r\n\r\n')
    }),
    shows: { 'content-encoding': null }
  },
  {
    client: 'restic',
    does: 'adds Content-MD5 to signed chunks',
    data: DATA,
    request: (data) => ({
      headers: [
        ['Content-Md5', checksum('MD5', data)],
        ['X-Amz-Decoded-Content-Length', String(data.length)],
        ['X-Amz-Storage-Class', 'STANDARD']
      ],
      payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      bodyFrom: signedBody(data, 64 * KIB)
    })
  },
  {
    client: 'boto3 over TLS',
    does: 'puts aws-chunked into chunked framing and waits for 100 Continue',
    data: DATA,
    request: (data) => ({
      headers: [
        ['X-Amz-Sdk-Checksum-Algorithm', 'CRC32'],
        ['Content-Encoding', 'aws-chunked'],
        ['X-Amz-Trailer', 'x-amz-checksum-crc32'],
        ['X-Amz-Decoded-Content-Length', String(data.length)]
      ],
      payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      body: trailedBody(data, KIB * KIB, `x-amz-checksum-crc32:${checksum('CRC32', data)}`),
      framing: 'chunked',
      waits: true
    }),
    shows: { 'content-encoding': null, 'x-amz-checksum-crc32': checksum('CRC32', DATA) }
  },
  {
    client: 'AWS SDK for JavaScript with a compressed stream',
    does: 'names gzip before aws-chunked',
    data: gzipSync(DATA),
    request: (data) => ({
      headers: [
        ...SDK_HEADERS,
        ['content-encoding', 'gzip,aws-chunked'],
        ['x-amz-decoded-content-length', String(data.length)],
        ['x-amz-trailer', 'x-amz-checksum-crc32'],
        ['x-amz-user-agent', 'aws-sdk-js/3']
      ],
      payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      body: trailedBody(data, 64 * KIB, `x-amz-checksum-crc32:${checksum('CRC32', data)}`),
      framing: 'chunked'
    }),
    shows: { 'content-encoding': 'gzip' }
  },
  {
    client: 'the CRT of aws cli v2',
    does: 'sends one chunk of the whole body with a crc64nvme trailer and a length',
    data: DATA,
    request: (data) => ({
      headers: [
        ...SDK_HEADERS,
        ['Content-Type', 'text/plain'],
        ['content-encoding', 'aws-chunked'],
        ['x-amz-decoded-content-length', String(data.length)],
        ['x-amz-trailer', 'x-amz-checksum-crc64nvme']
      ],
      payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      body: trailedBody(data, data.length, `x-amz-checksum-crc64nvme:${checksum('CRC64NVME', data)}`)
    }),
    shows: { 'x-amz-checksum-crc64nvme': checksum('CRC64NVME', DATA) }
  },
  {
    client: 'AWS SDK for Java v2 over http',
    does: 'signs chunks of 128 KiB and a trailer that ends with CR LF',
    data: DATA,
    request: (data) => ({
      headers: [
        ['content-encoding', 'aws-chunked'],
        ['x-amz-decoded-content-length', String(data.length)],
        ['x-amz-sdk-checksum-algorithm', 'CRC32'],
        ['x-amz-trailer', 'x-amz-checksum-crc32']
      ],
      payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
      bodyFrom: signedBody(data, 128 * KIB, { line: `x-amz-checksum-crc32:${checksum('CRC32', data)}`, end: 'crlf' }),
      waits: true
    })
  },
  {
    client: 'Hadoop S3A',
    does: 'signs chunks, names aws-chunked and waits for 100 Continue',
    data: DATA,
    request: (data) => ({
      headers: [
        ['content-encoding', 'aws-chunked'],
        ['x-amz-decoded-content-length', String(data.length)]
      ],
      payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      bodyFrom: signedBody(data, 128 * KIB),
      waits: true
    }),
    shows: { 'content-encoding': null }
  },
  {
    client: 'AWS SDK for Go v2 with a seekable body over https',
    does: 'signs Accept-Encoding and sends one chunk',
    data: DATA,
    request: (data) => ({
      headers: [
        ['Accept-Encoding', 'identity'],
        ['Amz-Sdk-Invocation-Id', '8b6f0d7c-0000-4000-8000-5b7f1f0b8e61'],
        ['Amz-Sdk-Request', 'attempt=1; max=3'],
        ['Content-Encoding', 'aws-chunked'],
        ['X-Amz-Decoded-Content-Length', String(data.length)],
        ['X-Amz-Trailer', 'x-amz-checksum-crc32']
      ],
      payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      body: trailedBody(data, data.length, `x-amz-checksum-crc32:${checksum('CRC32', data)}`)
    })
  },
  {
    client: 'AWS SDK for Go v2 with an unseekable body',
    does: 'declares no decoded length, which S3 refuses',
    data: DATA,
    request: (data) => ({
      headers: [
        ['Content-Encoding', 'aws-chunked'],
        ['X-Amz-Trailer', 'x-amz-checksum-crc32']
      ],
      payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      body: trailedBody(data, data.length, `x-amz-checksum-crc32:${checksum('CRC32', data)}`),
      framing: 'chunked'
    }),
    refused: { status: 411, code: 'MissingContentLength' }
  },
  {
    client: 's3cmd',
    does: 'always names the storage class STANDARD',
    data: DATA,
    request: (data) => ({
      headers: [
        ['x-amz-meta-s3cmd-attrs', 'atime:1795000000/ctime:1795000000/gid:0/gname:root/md5:0/mode:33188/mtime:1795000000/uid:0/uname:root'],
        ['x-amz-storage-class', 'STANDARD'],
        ['content-type', 'application/octet-stream']
      ],
      body: data
    })
  },
  {
    client: 'rclone 1.75',
    does: 'leaves the payload unsigned over http and adds Content-MD5',
    data: DATA,
    request: (data) => ({
      headers: [
        ['Accept-Encoding', 'identity'],
        ['Content-Md5', checksum('MD5', data)],
        ['Content-Type', 'application/octet-stream'],
        ['X-Amz-Meta-Mtime', '1795000000.123456789']
      ],
      payload: 'UNSIGNED-PAYLOAD',
      body: data
    }),
    shows: { 'x-amz-meta-mtime': '1795000000.123456789' }
  },
  {
    client: 'rclone 1.60',
    does: 'asks for the private ACL, and says 100-Continue in its own spelling',
    data: DATA,
    request: (data) => ({
      headers: [
        ['Content-Md5', checksum('MD5', data)],
        ['Expect', '100-Continue'],
        ['X-Amz-Acl', 'private']
      ],
      payload: 'UNSIGNED-PAYLOAD',
      body: data
    })
  },
  {
    client: 'polars',
    does: 'signs a checksum over http and leaves the payload unsigned',
    data: DATA,
    request: (data) => ({
      headers: [['x-amz-checksum-crc64nvme', checksum('CRC64NVME', data)]],
      payload: 'UNSIGNED-PAYLOAD',
      body: data
    })
  },
  {
    client: 'curl 7.88',
    does: 'signs the hash of no body and says nothing of the payload',
    data: DATA,
    request: (data) => ({ payload: EMPTY_SHA256, hidesPayload: true, body: data, waits: true })
  },
  {
    client: 'AWS SDK for Go',
    does: 'sends metadata as UTF-8 bytes under names of mixed case',
    data: DATA,
    request: (data) => ({
      headers: [['x-amz-meta-X-Name', Buffer.from('Grüße, 世界').toString('latin1')]],
      body: data
    }),
    shows: { 'x-amz-meta-x-name': Buffer.from('Grüße, 世界').toString('latin1') }
  }
]
