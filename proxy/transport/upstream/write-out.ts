import type { Socket } from 'node:net'

/** A body up to this size is copied behind its head; both leave in one write. */
export const JOINED_BYTES_MAX = 16 * 1024

/**
 * Writes a head, bytes, or both together. True when nothing is left to be taken, so that the bytes may be used again: node
 * writes at once where it can, and nothing queued means that the kernel has them. Otherwise `onWritten` tells.
 */
export function writeOut(
  socket: Socket,
  { head, bytes }: { head: string | null; bytes: Uint8Array | null },
  onWritten: () => void
): boolean {
  if (head === null) {
    if (bytes !== null) socket.write(bytes, onWritten)
  } else if (bytes === null) {
    socket.write(head, 'latin1', onWritten)
  } else if (bytes.length <= JOINED_BYTES_MAX) {
    const joined = Buffer.allocUnsafe(head.length + bytes.length)
    joined.write(head, 'latin1')
    joined.set(bytes, head.length)
    socket.write(joined, onWritten)
  } else {
    socket.cork()
    socket.write(head, 'latin1')
    socket.write(bytes, onWritten)
    socket.uncork()
  }
  return socket.writableLength === 0
}
