import { hash } from 'node:crypto'
import { mustBeSigned } from './signed-headers.ts'

/** The parts of a request that SigV4 hashes. */
export interface CanonicalParts {
  readonly method: string
  /** The path exactly as received or sent: S3 neither normalises it nor encodes it twice. */
  readonly rawPath: string
  readonly canonicalQuery: string
  /** One `name:value\n` per signed header. */
  readonly canonicalHeaders: string
  readonly signedHeaders: string
  /** The literal value of x-amz-content-sha256. */
  readonly payloadHash: string
}

/** The canonical request, one character per byte. */
export function canonicalRequest(parts: CanonicalParts): string {
  return (
    `${parts.method}\n${parts.rawPath}\n${parts.canonicalQuery}\n` +
    `${parts.canonicalHeaders}\n${parts.signedHeaders}\n${parts.payloadHash}`
  )
}

// Filled and read within one call.
const scratch = Buffer.allocUnsafeSlow(8192)

/** Hex SHA-256 of text that holds one character per byte. */
export function sha256OfLatin1(text: string): string {
  // Given a string, `hash` would encode it as UTF-8 and so break every byte above 0x7f.
  if (text.length > scratch.length) return hash('sha256', Buffer.from(text, 'latin1'), 'hex')
  return hash('sha256', scratch.subarray(0, scratch.write(text, 0, 'latin1')), 'hex')
}

/**
 * The canonical headers of a received request, or null when it cannot be what was signed: a signed header is absent, or a
 * header is present that had to be signed and is not.
 */
export function receivedHeaders(signedHeaders: readonly string[], rawHeaders: readonly string[]): string | null {
  const values: (string | undefined)[] = new Array<string | undefined>(signedHeaders.length).fill(undefined)
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    const index = signedHeaders.indexOf(name)
    if (index < 0) {
      if (mustBeSigned(name)) return null
      continue
    }
    const value = collapseSpaces(rawHeaders[i + 1] as string)
    const previous = values[index]
    values[index] = previous === undefined ? value : `${previous},${value}`
  }
  let text = ''
  for (let i = 0; i < signedHeaders.length; i++) {
    const value = values[i]
    if (value === undefined) return null
    text += `${signedHeaders[i] as string}:${value}\n`
  }
  return text
}

const OUTER_OR_DOUBLE_SPACE = /^ | $|  |\t/

/**
 * The value without outer spaces and with every run of spaces made one; a tab is a space, as the AWS SDKs and the CRT have it.
 * No other byte is: 0xa0 is half of a UTF-8 character here.
 */
export function collapseSpaces(value: string): string {
  return OUTER_OR_DOUBLE_SPACE.test(value) ? value.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '') : value
}
