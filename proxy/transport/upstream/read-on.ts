import type { Socket } from 'node:net'

/**
 * Leaves a socket whose write failed open for reading where `readsOn` says so. An upstream that answers early and closes with
 * bytes unread resets the connection. What it answered stands in the kernel then, and can be read, but node destroys a socket
 * as soon as a write fails. Nothing more is told of such a socket than what is read: neither an end nor an error.
 */
export function readOnAfterFailedWrite(socket: Socket, readsOn: (error: Error) => boolean): void {
  const destroy = socket.destroy
  socket.destroy = (error?: Error) => (isFailedWrite(error) && readsOn(error) ? socket : destroy.call(socket, error))
}

function isFailedWrite(error: Error | undefined): error is NodeJS.ErrnoException {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException
  return syscall === 'write' && (code === 'ECONNRESET' || code === 'EPIPE')
}
