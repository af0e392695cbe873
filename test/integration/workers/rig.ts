import { connect, type Socket } from 'node:net'
import { readFileSync } from 'node:fs'
import type { SessionCredentials } from '../../helpers/sluice.ts'
import { callerWith, type Call, type Caller } from '../faults/caller.ts'

export const TENANTS = { shared: '7c9e6679-7425-40de-944b-e07fc1f90ae7', dedicated: 'acme-archive' } as const

export interface RawReply {
  readonly status: number
  readonly code: string | null
  readonly text: string
}

/** One connection that stays open, and so one worker. */
export interface Connection {
  send(call: Call): Promise<RawReply>
  close(): void
}

/** As many connections as asked, all open at once before the first is used. */
export async function connections(s3: string, credentials: SessionCredentials, count: number): Promise<readonly Connection[]> {
  const caller = callerWith({ s3, tenants: TENANTS }, credentials)
  const sockets = await Promise.all(Array.from({ length: count }, () => opened(Number(new URL(s3).port))))
  return sockets.map((socket) => connectionOf(socket, caller))
}

export function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
  })
}

function connectionOf(socket: Socket, caller: Caller): Connection {
  return {
    async send(call) {
      const { method, target, headers } = await caller.sign(call)
      const body = Buffer.from(call.body ?? '')
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      const reply = readReply(socket)
      socket.write(`${method} ${target} HTTP/1.1\r\n${lines.join('')}content-length: ${body.length}\r\n\r\n`)
      socket.write(body)
      return reply
    },
    close: () => socket.destroy()
  }
}

/** One answer with a declared length; rejects when the connection ends before it has come. */
function readReply(socket: Socket): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    let received = ''
    const settle = (how: () => void): void => {
      socket.off('data', onData).off('close', onEnd).off('error', onEnd)
      how()
    }
    const onEnd = (): void => settle(() => reject(new Error(`the connection ended after ${JSON.stringify(received.slice(0, 100))}`)))
    const onData = (chunk: Buffer): void => {
      received += chunk.toString('latin1')
      const end = received.indexOf('\r\n\r\n')
      if (end < 0) return
      const status = Number(received.slice(9, 12))
      const length = status === 204 ? 0 : Number(/\r\ncontent-length: *(\d+)/i.exec(received.slice(0, end + 2))?.[1])
      const text = received.slice(end + 4)
      if (text.length >= length) settle(() => resolve({ status, text, code: /<Code>([^<]+)/.exec(text)?.[1] ?? null }))
    }
    socket.on('data', onData).once('close', onEnd).once('error', onEnd)
  })
}

/** The worker processes of a primary. */
export function workersOf(primary: number): readonly number[] {
  return readFileSync(`/proc/${primary}/task/${primary}/children`, 'utf8').trim().split(' ').map(Number)
}

type Line = Readonly<Record<string, unknown>>

/** The lines of the log, each of which must be whole. */
export const linesOf = (stdout: string): readonly Line[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)

export const seriesOf = (page: string, name: string): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...page.matchAll(new RegExp(`^(${name}(?:\\{.*\\})?) (\\S+)$`, 'gm'))].map(([, key = '', value = '']) => [key, Number(value)])
  )
