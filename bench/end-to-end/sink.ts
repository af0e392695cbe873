/**
 * `node sink.ts PORT`: reads what is put to its end, throws it away and answers 200. It stands behind the canned nginx, which
 * would answer a PUT on condition that the key is new, `If-None-Match: *`, with 304 by itself, and before it has read the body.
 */
import { createServer, Socket, type Server } from 'node:net'

const ANSWER = 'HTTP/1.1 200 OK\r\nETag: "d41d8cd98f00b204e9800998ecf8427e"\r\nContent-Length: 0\r\n\r\n'
const BUFFER_BYTES = 256 * 1024

/** The handle of a socket that was accepted: read into one buffer, which a `Socket` only takes when it is made. */
interface Accepted {
  readonly _handle: unknown
}

function drain(accepted: Socket): void {
  const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  let head = ''
  let left = -1
  const read = (count: number, data: Uint8Array): boolean => {
    let body = count
    if (left < 0) {
      head += Buffer.from(data.buffer, data.byteOffset, count).toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return true
      left = Number(/\r\ncontent-length: *(\d+)/i.exec(head.slice(0, end + 2))?.[1] ?? 0)
      body = head.length - end - 4
      head = ''
    }
    left -= body
    if (left > 0) return true
    left = -1
    socket.write(ANSWER, 'latin1')
    return true
  }
  const options = { handle: (accepted as unknown as Accepted)._handle, onread: { buffer, callback: read } }
  const socket = new Socket(options as ConstructorParameters<typeof Socket>[0])
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.once('end', () => socket.end())
  socket.resume()
}

const server: Server = createServer({ pauseOnConnect: true }, drain)
server.listen(Number(process.argv[2]), '127.0.0.1')
