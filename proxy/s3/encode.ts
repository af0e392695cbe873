/** Characters that SigV4 leaves as they are in a path (AWS Signature Version 4, "UriEncode"), with the slash kept. */
const PLAIN_PATH = /^[A-Za-z0-9\-._~/]*$/
const PLAIN_VALUE = /^[A-Za-z0-9\-._~]*$/

/**
 * A key as it stands in a request path. It is the only encoder of keys: every builder of a path, of a copy source and of
 * a canonical request uses it, so that what is signed is what is sent.
 * HOT: bench/encode.ts
 */
export function encodeKey(key: string): string {
  return PLAIN_PATH.test(key) ? key : encodeStrict(key).replaceAll('%2F', '/')
}

/** A name or value as it stands in a query string. HOT: bench/encode.ts */
export function encodeQueryValue(value: string): string {
  return PLAIN_VALUE.test(value) ? value : encodeStrict(value)
}

// encodeURIComponent leaves !'()* alone, which SigV4 does not.
function encodeStrict(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** Text of a listing that was asked for with `encoding-type=url`: as S3 writes it, a space is `+` and a slash stays. */
export function urlEncodeXml(text: string): string {
  return encodeKey(text).replaceAll('%20', '+')
}

/** Undoes `urlEncodeXml`, also as other stores write it. Throws where the text is not percent-encoded UTF-8. */
export function urlDecodeXml(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

const BYTES_AS_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Undoes percent-encoding once, over latin1 text (one character per byte), and reads the bytes as UTF-8.
 * Null where an escape is not two hex digits or the bytes are not UTF-8. `+` is a plus.
 * HOT: bench/address.ts
 */
export function percentDecode(text: string): string | null {
  if (PLAIN_ASCII.test(text)) return text
  if (MALFORMED_ESCAPE.test(text)) return null
  const bytes = Buffer.allocUnsafe(text.length)
  let length = 0
  for (let index = 0; index < text.length; index++) {
    let byte = text.charCodeAt(index)
    if (byte === PERCENT) {
      byte = Number.parseInt(text.slice(index + 1, index + 3), 16)
      index += 2
    }
    bytes[length++] = byte
  }
  try {
    return BYTES_AS_UTF8.decode(bytes.subarray(0, length))
  } catch {
    return null
  }
}

const PERCENT = 0x25

const PLAIN_ASCII = /^[\u0000-\u0024\u0026-\u007f]*$/
const MALFORMED_ESCAPE = /%(?![0-9A-Fa-f]{2})/
