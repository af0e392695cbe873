/**
 * The bytes of a metadata value, one character each. S3 shows what is not ASCII as its bytes or in encoded words (RFC 2047), and
 * both are relayed as they came.
 */
export function plainMetadata(value: string | undefined): string | undefined {
  return value?.replace(/=\?UTF-8\?([bq])\?([^?]*)\?=/gi, (_, encoding: string, text: string) =>
    encoding.toLowerCase() === 'b' ? Buffer.from(text, 'base64').toString('latin1') : fromQuoted(text)
  )
}

function fromQuoted(text: string): string {
  return text.replaceAll('_', ' ').replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
