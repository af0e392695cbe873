import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { isIPv4 } from 'node:net'

/** A certificate that signs itself, made for one test run, so that no key lies in the repository. A host of digits is an IPv4 address. */
export function selfSigned(hostname: string, { notAfter = '490101000000Z' } = {}): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(ECDSA_SHA256)
  const name = sequence(set(sequence(COMMON_NAME, tlv(0x0c, Buffer.from(hostname)))))
  const validity = sequence(tlv(0x17, Buffer.from('200101000000Z')), tlv(0x17, Buffer.from(notAfter)))
  const alternative = sequence(SUBJECT_ALT_NAME, tlv(0x04, sequence(generalName(hostname))))
  const authority = sequence(BASIC_CONSTRAINTS, tlv(0x04, sequence(tlv(0x01, Buffer.from([0xff])))))
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const version = tlv(0xa0, tlv(0x02, Buffer.from([2])))
  const serial = tlv(0x02, Buffer.from([1]))
  const extensions = tlv(0xa3, sequence(alternative, authority))
  const body = sequence(version, serial, algorithm, name, validity, name, spki, extensions)
  const certificate = sequence(body, algorithm, bitString(signatureOf(body, privateKey)))
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
  const cert = `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

// Object identifiers, DER (RFC 5280, RFC 5758).
const ECDSA_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex')
const COMMON_NAME = Buffer.from('0603550403', 'hex')
const SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex')
const BASIC_CONSTRAINTS = Buffer.from('0603551d13', 'hex')

function signatureOf(body: Buffer, key: KeyObject): Buffer {
  return sign('sha256', body, key)
}

function generalName(hostname: string): Buffer {
  return isIPv4(hostname) ? tlv(0x87, Buffer.from(hostname.split('.').map(Number))) : tlv(0x82, Buffer.from(hostname))
}

function bitString(bytes: Buffer): Buffer {
  return tlv(0x03, Buffer.concat([Buffer.from([0]), bytes]))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts))
}

function set(part: Buffer): Buffer {
  return tlv(0x31, part)
}

function tlv(tag: number, value: Buffer): Buffer {
  const length =
    value.length < 0x80 ? [value.length] : value.length < 0x100 ? [0x81, value.length] : [0x82, value.length >> 8, value.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), value])
}
