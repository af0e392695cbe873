// The head of a request as it goes upstream, and of an answer as it is read; µs per call and as a ratio to the calibration loop.
import type { UpstreamRequest } from '../proxy/transport/transport.ts'
import { readAnswerHead } from '../proxy/transport/upstream/answer-head.ts'
import { requestHead } from '../proxy/transport/upstream/request-head.ts'
import { calibrate, measure, report } from './measure.ts'

const request: UpstreamRequest = {
  origin: { secure: false, hostname: '127.0.0.1', port: 9000, ca: null },
  method: 'GET',
  rawTarget: '/pool-7/tenant-0123456789/folder/object-0123456789.bin',
  rawHeaders: [
    'host',
    'minio.upstream.test:9000',
    'x-amz-content-sha256',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-amz-date',
    '20261124T120000Z',
    'authorization',
    `AWS4-HMAC-SHA256 Credential=UPSTREAMMINIOKEY/20261124/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${'e7'.repeat(32)}`
  ],
  body: null,
  bodyLength: 0,
  headTimeoutMs: 30_000
}
const answer = Buffer.from(
  [
    'HTTP/1.1 200 OK',
    'Accept-Ranges: bytes',
    'Content-Length: 1024',
    'Content-Type: application/octet-stream',
    'ETag: "d41d8cd98f00b204e9800998ecf8427e"',
    'Last-Modified: Tue, 24 Nov 2026 12:00:00 GMT',
    'Server: MinIO',
    'Strict-Transport-Security: max-age=31536000; includeSubDomains',
    'Vary: Origin',
    'X-Amz-Request-Id: 17F2B9C0D1E2F3A4',
    'x-amz-meta-sluice-service: system:serviceaccount:billing:invoicer',
    'Date: Tue, 24 Nov 2026 12:00:00 GMT',
    '\r\n'
  ].join('\r\n'),
  'latin1'
)

const calibration = calibrate()
report(
  'write the head of a request',
  measure(() => requestHead(request).length, 50_000),
  calibration
)
report(
  'read the head of an answer',
  measure(() => readAnswerHead(answer, { from: 0, end: answer.length, method: 'GET' }).rawHeaders.length, 50_000),
  calibration
)
