/** Reads unpadded base64url, or null. Only the one canonical spelling is accepted, so that no two texts mean the same sealed bytes. */
export function bytesOfBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url')
  // Buffer.from skips what it does not know and ignores the spare bits of the last character.
  return bytes.toString('base64url') === text ? bytes : null
}
