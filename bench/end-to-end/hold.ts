/**
 * Holds connections open: `node hold.ts FILE` reads a HoldOrder, says `ready` when every connection has had its answer (or
 * its first bytes, where it reads slowly), and ends when its standard input ends.
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HoldOrder } from './load-order.ts'

const order = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as HoldOrder
/** Opened at once; more would only fill the listener's backlog. */
const OPENED_AT_ONCE = 200
/** What a slow reader takes, ten times a second. */
const SLOW_BYTES = 64 * 1024

function hold(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(order.port, '127.0.0.1', () => void socket.write(order.head, 'latin1'))
    socket.once('error', reject)
    if (order.slow) {
      socket.once('readable', () => {
        const timer = setInterval(() => void socket.read(Math.min(SLOW_BYTES, socket.readableLength)), 100)
        socket.once('close', () => clearInterval(timer))
        resolve(socket)
      })
      return
    }
    let got = ''
    socket.on('data', (bytes) => {
      got += bytes.toString('latin1')
      if (!got.startsWith('HTTP/1.1 200')) reject(new Error(got.slice(0, 300)))
      else if (got.includes('\r\n\r\n')) resolve(socket)
    })
  })
}

const open: Socket[] = []
while (open.length < order.connections) {
  const count = Math.min(OPENED_AT_ONCE, order.connections - open.length)
  open.push(...(await Promise.all(Array.from({ length: count }, hold))))
}
await sleep(1000)
const left = open.filter((socket) => !socket.destroyed).length
process.stdout.write(left === order.connections ? 'ready\n' : `only ${left} of ${order.connections} connections are open\n`)
process.stdin.resume().once('end', () => process.exit(0))
