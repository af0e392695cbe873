/** What telling the operation costs, and what a refusal costs. Run: node bench/recognize.ts */
import { S3Error } from '../proxy/s3/error.ts'
import { HeaderView } from '../proxy/s3/header-view.ts'
import { parseQuery } from '../proxy/s3/query.ts'
import { recognizeOperation, type AddressedRequest } from '../proxy/s3/recognize.ts'

const ROUNDS = 1_000_000
const SIGNED = [
  'Host',
  's3.test',
  'Authorization',
  'x',
  'x-amz-date',
  'd',
  'x-amz-content-sha256',
  'UNSIGNED-PAYLOAD',
  'x-amz-security-token',
  't'
]
const QUERIES = {
  GetObject: '',
  'GetObject, x-id': 'x-id=GetObject',
  UploadPart: 'partNumber=3&uploadId=abc&x-id=UploadPart',
  ListObjectsV2: 'list-type=2&prefix=a%2F&max-keys=100'
}
const headers = new HeaderView(SIGNED)
const requests: [label: string, request: AddressedRequest][] = [
  ['GetObject', { method: 'GET', resource: 'object', query: parseQuery(QUERIES.GetObject), headers }],
  ['GetObject, x-id', { method: 'GET', resource: 'object', query: parseQuery(QUERIES['GetObject, x-id']), headers }],
  ['UploadPart', { method: 'PUT', resource: 'object', query: parseQuery(QUERIES.UploadPart), headers }],
  ['ListObjectsV2', { method: 'GET', resource: 'bucket', query: parseQuery(QUERIES.ListObjectsV2), headers }]
]

let sink = 0
function measure(label: string, run: () => number): void {
  for (let index = 0; index < ROUNDS / 10; index++) sink += run()
  const start = process.hrtime.bigint()
  for (let index = 0; index < ROUNDS; index++) sink += run()
  console.log(label.padEnd(32), `${(Number(process.hrtime.bigint() - start) / ROUNDS).toFixed(0)} ns`)
}

for (const [label, request] of requests) measure(`recognize ${label}`, () => recognizeOperation(request).name.length)
for (const [label, query] of Object.entries(QUERIES)) measure(`parseQuery ${label}`, () => parseQuery(query).length)
measure('new S3Error', () => new S3Error('AccessDenied', 'reason').status)
if (sink === 0) throw new Error('nothing was measured')
