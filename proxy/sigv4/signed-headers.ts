import { SigV4Problem } from './problem.ts'

/**
 * True when a header must be signed if it is present. Any x-amz-* header can change what the request does; the payload hash
 * is exempt because it is the last line of what is signed.
 */
export function mustBeSigned(lowerName: string): boolean {
  return (lowerName.startsWith('x-amz-') && lowerName !== 'x-amz-content-sha256') || lowerName === 'host'
}

/** Throws `SigV4Problem` naming the headers unless `host` and every x-amz-* header of the request are signed. */
export function checkSignedHeaders(signedHeaders: readonly string[], rawHeaders: readonly string[]): void {
  let missing: Set<string> | null = signedHeaders.includes('host') ? null : new Set(['host'])
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    if (name.startsWith('x-amz-') && mustBeSigned(name) && !signedHeaders.includes(name)) missing = (missing ?? new Set()).add(name)
  }
  if (missing === null) return
  throw new SigV4Problem('headers-not-signed', 'There were headers present in the request which were not signed', {
    HeadersNotSigned: [...missing].join(', ')
  })
}
