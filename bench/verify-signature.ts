// The verification of one header-signed GET as a client sends it, signing key cached; µs per call and as a ratio to the calibration loop.
import { findAuthSource } from '../proxy/sigv4/auth-source.ts'
import { checkScope, parseAuthorization } from '../proxy/sigv4/authorization.ts'
import { checkSkew, findDate } from '../proxy/sigv4/request-date.ts'
import { signRequest } from '../proxy/sigv4/sign.ts'
import { checkSignedHeaders } from '../proxy/sigv4/signed-headers.ts'
import { SigningKeyCache } from '../proxy/sigv4/signing-key.ts'
import { verifyHeaderSignature } from '../proxy/sigv4/verify.ts'
import { calibrate, measure, report } from './measure.ts'

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const now = new Date('2026-11-24T10:20:30Z')
const signingKeys = new SigningKeyCache(100)
const credentials = {
  accessKeyId: 'SLUICEEXAMPLE0123456789',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  sessionToken: 't'.repeat(500)
}
const rawPath = '/tenant/folder/some%20object-0123456789.bin'
const rawQuery = 'x-id=GetObject'
const head = [
  'Host',
  's3.sluice.svc:8080',
  'amz-sdk-invocation-id',
  '0b1c2d3e-0000-4000-8000-000000000000',
  'amz-sdk-request',
  'attempt=1; max=3',
  'x-amz-checksum-mode',
  'ENABLED'
]
const added = signRequest({
  method: 'GET',
  rawTarget: `${rawPath}?${rawQuery}`,
  rawHeaders: head,
  payloadHash: EMPTY,
  region: 'local',
  credentials,
  now,
  signingKeys
})
const rawHeaders = [...head, 'accept', '*/*', 'connection', 'keep-alive', ...added]

function verify(): number {
  const source = findAuthSource(rawHeaders, rawQuery)
  if (source.kind !== 'header') throw new Error('not signed')
  const authorization = parseAuthorization(source.authorization)
  const date = findDate(rawHeaders)
  checkSkew(date, now)
  checkScope(authorization, { day: date.day, region: 'local' })
  checkSignedHeaders(authorization.signedHeaders, rawHeaders)
  const signingKey = signingKeys.keyFor(credentials, authorization)
  const request = { method: 'GET', rawPath, rawQuery, rawHeaders, payloadHash: EMPTY, authorization, amzDate: date.text, signingKey }
  if (!verifyHeaderSignature(request)) throw new Error('does not verify')
  return 1
}

const calibration = calibrate()
report('verify, key cached', measure(verify, 50_000), calibration)
