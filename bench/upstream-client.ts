// The hop upstream alone: processor time of this process for each GET of 1 KiB, GET of 64 KiB, and for each GiB of GETs of 64 MiB,
// by our engine and by undici's, in interleaved rounds against one upstream process. Prints medians and their ratio.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { UPSTREAM_DEFAULTS } from '../proxy/transport/upstream-options.ts'
import { createUndiciUpstream } from '../proxy/transport/upstream-undici.ts'
import type { ByteSource, UpstreamClient, UpstreamRequest } from '../proxy/transport/transport.ts'
import { createUpstream, UPSTREAM_LIMITS } from '../proxy/transport/upstream/engine.ts'
import { BOUND_BROKEN } from './measure.ts'

const UPSTREAM = `
const { createServer } = require('node:net')
const content = Buffer.alloc(1 << 20, 'x')
const server = createServer((socket) => {
  socket.setNoDelay(true)
  socket.on('error', () => {})
  socket.on('data', (bytes) => {
    let left = Number(/ \\/(\\d+) /.exec(bytes.latin1Slice(0, 40))[1])
    const head = 'HTTP/1.1 200 OK\\r\\nContent-Length: ' + left + '\\r\\nETag: "d41d8cd98f00b204e9800998ecf8427e"\\r\\nContent-Type: application/octet-stream\\r\\nServer: upstream\\r\\nx-amz-request-id: 17F2B9C0D1E2F3A4\\r\\n\\r\\n'
    const first = content.subarray(0, Math.min(left, 65536))
    socket.write(Buffer.concat([Buffer.from(head), first]))
    left -= first.length
    const pump = () => {
      while (left > 0) {
        const part = content.subarray(0, Math.min(left, content.length))
        left -= part.length
        if (!socket.write(part)) return socket.once('drain', pump)
      }
    }
    pump()
  })
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit())
`

const WORKLOADS = [
  { name: 'GET 1 KiB', size: 1024, count: 4_000, atOnce: 16 },
  { name: 'GET 64 KiB', size: 65_536, count: 2_000, atOnce: 16 },
  { name: 'GET 64 MiB', size: 64 << 20, count: 8, atOnce: 4 }
] as const
const ROUNDS = 5
/** What our engine may take of undici's time. */
const RATIO_MAX = 0.8

function drained(body: ByteSource): Promise<void> {
  return new Promise((resolve, reject) => body.start({ write: () => true, end: resolve, fail: reject }))
}

const upstream = spawn(process.execPath, ['-e', UPSTREAM], { stdio: ['pipe', 'pipe', 'inherit'] })
const [line] = (await once(upstream.stdout, 'data')) as [Buffer]
const origin = { secure: false, hostname: '127.0.0.1', port: Number(String(line)), ca: null }
const engines: Record<'own' | 'undici', UpstreamClient> = {
  own: createUpstream({ ...UPSTREAM_LIMITS, onError: () => {} }),
  undici: createUndiciUpstream({ ...UPSTREAM_DEFAULTS, onError: () => {} })
}

async function run(client: UpstreamClient, { size, count, atOnce }: (typeof WORKLOADS)[number]): Promise<number> {
  const request: UpstreamRequest = {
    origin,
    method: 'GET',
    rawTarget: `/${size}`,
    rawHeaders: ['host', 'upstream.test', 'x-amz-date', '20261124T120000Z', 'authorization', 'x'.repeat(200)],
    body: null,
    bodyLength: 0,
    headTimeoutMs: 30_000
  }
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await client.send(request)
      if (response.status !== 200) throw new Error(`status ${response.status}`)
      await drained(response.body)
    }
  }
  const start = process.cpuUsage()
  await Promise.all(Array.from({ length: atOnce }, worker))
  const { user, system } = process.cpuUsage(start)
  return (user + system) / count
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

for (const workload of WORKLOADS) {
  const samples = { own: [] as number[], undici: [] as number[] }
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const name of round % 2 === 0 ? (['own', 'undici'] as const) : (['undici', 'own'] as const)) {
      const us = await run(engines[name], workload)
      // The first round warms up.
      if (round > 0) samples[name].push(us)
    }
  }
  const [own, undici] = [median(samples.own), median(samples.undici)]
  const perGiB =
    workload.size >= 1 << 20 ? `, ${((own / 1e6) * (1024 / 64)).toFixed(2)} and ${((undici / 1e6) * (1024 / 64)).toFixed(2)} s per GiB` : ''
  console.log(
    `${workload.name.padEnd(12)} own ${own.toFixed(1)} µs, undici ${undici.toFixed(1)} µs, ratio ${(own / undici).toFixed(2)}, at most ${RATIO_MAX}${perGiB}`
  )
  if (own / undici > RATIO_MAX) process.exitCode = BOUND_BROKEN
}
await Promise.all(Object.values(engines).map((engine) => engine.close()))
upstream.stdin.end()
