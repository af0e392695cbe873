/** What one pass over the headers of a request or an answer costs. Run: node bench/headers.ts */
import { HeaderView } from '../proxy/s3/header-view.ts'
import { releasedHeaders } from '../proxy/s3/response-headers.ts'
import { reportAll } from './measure.ts'

const ROUNDS = 500_000
const REQUEST = [
  ...['Host', 's3.test', 'Accept-Encoding', 'identity', 'User-Agent', 'Boto3/1.43.11', 'X-Amz-Date', '20261122T080000Z'],
  ...['X-Amz-Content-SHA256', 'UNSIGNED-PAYLOAD', 'X-Amz-Security-Token', 'token', 'Authorization', 'AWS4-HMAC-SHA256 …'],
  ...['amz-sdk-invocation-id', 'id', 'amz-sdk-request', 'attempt=1', 'x-amz-checksum-mode', 'ENABLED']
]
const ANSWER = [
  ...['Accept-Ranges', 'bytes', 'Content-Length', '65536', 'Content-Type', 'text/plain', 'ETag', '"e"', 'Last-Modified', 'now'],
  ...[
    'Server',
    'MinIO',
    'x-amz-id-2',
    'i',
    'x-amz-request-id',
    'r',
    'x-amz-meta-sluice-service',
    's',
    'x-amz-tagging-count',
    '1',
    'Date',
    'd'
  ]
]

const measured: [label: string, run: () => number][] = [
  ['HeaderView of 10 headers', () => (new HeaderView(REQUEST).has('host') ? 1 : 0)],
  ['releasedHeaders of 11 headers', () => releasedHeaders(ANSWER).length]
]
reportAll(measured, ROUNDS)
