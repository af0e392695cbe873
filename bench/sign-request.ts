// The signature of one upstream request, signing key cached; µs per call and as a ratio to the calibration loop.
import { signRequest } from '../proxy/sigv4/sign.ts'
import { prepareSecret, SigningKeyCache } from '../proxy/sigv4/signing-key.ts'
import { calibrate, measure, report } from './measure.ts'

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const credentials = { accessKeyId: 'UPSTREAMEXAMPLE01234', secretAccessKey: prepareSecret('upstreamsecretupstreamsecretupstreamsecr') }
const signingKeys = new SigningKeyCache(100)
const now = new Date('2026-11-24T10:20:30Z')
const get = ['host', 'bucket.s3.example.com', 'accept-encoding', 'identity']
const put = [
  ...get,
  'content-type',
  'application/octet-stream',
  'x-amz-tagging',
  'service=a%2Fb',
  'if-none-match',
  '*',
  'x-amz-meta-a',
  'b',
  'x-amz-meta-c',
  'd'
]

function sign(method: string, rawHeaders: readonly string[]): number {
  return signRequest({
    method,
    rawTarget: '/prefix/tenant/folder/object-0123456789.bin?versionId=abc',
    rawHeaders,
    payloadHash: EMPTY,
    region: 'us-east-1',
    credentials,
    now,
    signingKeys
  }).length
}

const calibration = calibrate()
report(
  'sign a GET',
  measure(() => sign('GET', get), 50_000),
  calibration
)
report(
  'sign a PUT with metadata',
  measure(() => sign('PUT', put), 50_000),
  calibration
)
