const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567' // RFC 4648 base32, which SDKs' pattern \w{16,128} admits.
const SESSION_PREFIX = 'SLS1'
const RANDOM_CHARS = 24
/** 24 base32 characters hold exactly these bytes, no bit to spare, so each id has one spelling. */
export const ACCESS_KEY_ID_RANDOM_BYTES = 15

const ACCESS_KEY_PREFIX = 'SLK1'
const ACCESS_KEY_ID = /^SLK1([0-9A-F]{8})[A-Z2-7]{24}$/
const SESSION_ID = /^SLS1([0-9A-F]{8})([A-Z2-7]{24})$/

export interface SessionAccessKeyId {
  readonly kid: string
  readonly random: Buffer
}

/** The access key id of a session: its kind, the id of the sealing key, random bytes. */
export function formatSessionAccessKeyId({ kid, random }: SessionAccessKeyId): string {
  return SESSION_PREFIX + kid.toUpperCase() + base32(random)
}

/** The id of an access key: another kind, made alike. */
export function formatAccessKeyId({ kid, random }: SessionAccessKeyId): string {
  return ACCESS_KEY_PREFIX + kid.toUpperCase() + base32(random)
}

/** The sealing key that an access key's id names, or null for any other text. */
export function parseAccessKeyId(text: string): { readonly kid: string } | null {
  const kid = ACCESS_KEY_ID.exec(text)?.[1]
  return kid === undefined ? null : { kid: kid.toLowerCase() }
}

/** Reads the access key id of a session, or null for any other text (nothing is looked up for it). */
export function parseSessionAccessKeyId(text: string): SessionAccessKeyId | null {
  const match = SESSION_ID.exec(text)
  if (match === null) return null
  return { kid: (match[1] as string).toLowerCase(), random: bytesOfBase32(match[2] as string) }
}

function base32(bytes: Buffer): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    bits += 8
    for (; bits >= 5; bits -= 5) text += ALPHABET.charAt((held >> (bits - 5)) & 31)
    held &= (1 << bits) - 1
  }
  return text
}

function bytesOfBase32(text: string): Buffer {
  const bytes = Buffer.allocUnsafe((RANDOM_CHARS * 5) / 8)
  let at = 0
  let bits = 0
  let held = 0
  for (const char of text) {
    held = (held << 5) | ALPHABET.indexOf(char)
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (held >> bits) & 255
      held &= (1 << bits) - 1
    }
  }
  return bytes
}
