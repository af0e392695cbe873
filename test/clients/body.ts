import { createHash } from 'node:crypto'

/** What an object holds, said so that a client in another language makes the same bytes: python/bodies.py does. */
export type Body = { readonly text: string } | { readonly size: number; readonly seed: string }

const BLOCK_BYTES = 1024 * 1024

/** The bytes. Each block of one MiB begins with its number, so that parts in a wrong order do not look right. */
export function bytesOf(body: Body): Buffer {
  if ('text' in body) return Buffer.from(body.text)
  const block = blockOf(body.seed)
  const bytes = Buffer.alloc(body.size)
  for (let at = 0, index = 0; at < body.size; at += BLOCK_BYTES, index++) {
    block.copy(bytes, at)
    if (at + 4 <= body.size) bytes.writeUInt32BE(index, at)
  }
  return bytes
}

/** What a client reports of bytes that it read. */
export function digestOf(bytes: Uint8Array): { readonly length: number; readonly sha256: string } {
  return { length: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

function blockOf(seed: string): Buffer {
  const pieces: Buffer[] = []
  for (let counter = 0; counter < BLOCK_BYTES / 32; counter++) pieces.push(createHash('sha256').update(`${seed}/${counter}`).digest())
  return Buffer.concat(pieces)
}
