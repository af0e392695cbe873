/** What telling the operation costs, and what a refusal costs. Run: node bench/recognize.ts */
import { S3Error } from '../proxy/s3/error.ts'
import { HeaderView } from '../proxy/s3/header-view.ts'
import { parseQuery } from '../proxy/s3/query.ts'
import { recognizeOperation, type AddressedRequest } from '../proxy/s3/recognize.ts'
import { reportAll } from './measure.ts'

const ROUNDS = 200_000
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

reportAll(
  [
    ...requests.map(([label, request]) => [`recognize ${label}`, () => recognizeOperation(request).name.length] as const),
    ...Object.entries(QUERIES).map(([label, query]) => [`parseQuery ${label}`, () => parseQuery(query).length] as const),
    ['new S3Error', () => new S3Error('AccessDenied', 'reason').status] as const
  ],
  ROUNDS
)
