import t from 'tap'
import { parseDecodedLength, payloadHashOf, payloadMode } from '../../../../proxy/sigv4/payload/modes.ts'

const HEX = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

for (const { value, mode } of [
  { value: undefined, mode: { mode: 'unsigned' } },
  { value: 'UNSIGNED-PAYLOAD', mode: { mode: 'unsigned' } },
  { value: HEX, mode: { mode: 'hash', hex: HEX } },
  { value: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', mode: { mode: 'unsigned-trailer' } },
  { value: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', mode: { mode: 'signed-chunks' } },
  { value: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER', mode: { mode: 'signed-chunks-trailer' } }
]) {
  t.test(`x-amz-content-sha256 ${value ?? '(absent)'} names the mode ${mode.mode}`, async (t) => t.same(payloadMode(value), mode))
}

for (const { value, kind } of [
  { value: '', kind: 'content-sha256' },
  { value: 'unsigned-payload', kind: 'content-sha256' },
  { value: HEX.toUpperCase(), kind: 'content-sha256' },
  { value: HEX.slice(1), kind: 'content-sha256' },
  { value: `${HEX}\n`, kind: 'content-sha256' },
  { value: `${HEX},${HEX}`, kind: 'content-sha256' },
  { value: 'STREAMING-UNSIGNED-PAYLOAD', kind: 'content-sha256' },
  { value: 'STREAMING-AWS4-HMAC-SHA256-EVENTS', kind: 'content-sha256' },
  { value: 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD', kind: 'sigv4a' },
  { value: 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER', kind: 'sigv4a' }
]) {
  t.test(`x-amz-content-sha256 ${JSON.stringify(value)} is refused as ${kind}`, async (t) => {
    t.throws(() => payloadMode(value), { name: 'SigV4Problem', kind })
  })
}

t.test('the last line of the canonical request is the literal value, and says unsigned where there is none', async (t) => {
  t.equal(payloadHashOf('STREAMING-UNSIGNED-PAYLOAD-TRAILER'), 'STREAMING-UNSIGNED-PAYLOAD-TRAILER')
  t.equal(payloadHashOf(undefined), 'UNSIGNED-PAYLOAD')
})

for (const value of ['0', '1', '66560', '5497558138880']) {
  t.test(`a decoded length of ${value} is read`, async (t) => t.equal(parseDecodedLength(value), Number(value)))
}
for (const value of [undefined, '', '-1', '+1', '01', '1.0', '1e3', '0x10', ' 1', '1,1', '9'.repeat(16)]) {
  t.test(`a decoded length of ${JSON.stringify(value)} is refused`, async (t) => {
    t.throws(() => parseDecodedLength(value), { name: 'PayloadProblem', kind: 'decoded-length', code: 'MissingContentLength' })
  })
}
