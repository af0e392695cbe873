import { connect } from 'node:tls'
import t from 'tap'
import { selfSigned } from './certificate.ts'
import { ChunkSource, startInbound } from './rig.ts'

t.test('a request over TLS says that it is secure, and can be cut off in the middle of its answer', async (t) => {
  const certificate = selfSigned('localhost')
  const { port, seen } = await startInbound(
    t,
    (request) => {
      const chunks = Array.from({ length: 64 }, () => Buffer.alloc(64 * 1024, 'x'))
      void request.answer({ status: 200, rawHeaders: ['Content-Length', String(64 * 64 * 1024)], body: new ChunkSource(chunks) })
    },
    { certificate }
  )
  const socket = connect({ port, host: 'localhost', ca: certificate.cert })
  let received = 0
  socket.once('data', (bytes: Buffer) => {
    received += bytes.length
    // Nothing more is read: what the kernels hold must not come either.
    socket.pause()
    setTimeout(() => seen[0]?.cut(), 50)
  })
  socket.on('error', () => undefined)
  socket.write('GET /b/k HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await new Promise((resolve) => setTimeout(resolve, 300))
  socket.on('data', (bytes: Buffer) => (received += bytes.length)).resume()
  await new Promise((resolve) => (socket.destroyed ? resolve(null) : socket.once('close', resolve)))
  t.equal(seen[0]?.head.secure, true)
  t.ok(received > 0 && received < 64 * 64 * 1024, `${received} bytes came`)
})
