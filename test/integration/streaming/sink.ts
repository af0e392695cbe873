import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'

const PAGE_BYTES = 256 * 1024

/** Pages that all differ; their number is a prime, so that no power of two of lost or exchanged pages goes unseen. */
const PAGES: readonly Buffer[] = Array.from({ length: 61 }, (_, page) => {
  const bytes = Buffer.alloc(PAGE_BYTES)
  for (let at = 0; at < PAGE_BYTES; at += 4) bytes.writeUInt32LE(Math.imul(at + 1, 0x9e3779b1 ^ page) >>> 0, at)
  return bytes
})

/** The piece of the endless content that begins at `offset`, a page at most. */
function pieceAt(offset: number, length: number): Buffer {
  const within = offset % PAGE_BYTES
  return (PAGES[Math.floor(offset / PAGE_BYTES) % PAGES.length] ?? Buffer.alloc(0)).subarray(
    within,
    Math.min(PAGE_BYTES, within + length - offset)
  )
}

/** The first `length` bytes of the endless content. */
export function contentOf(length: number): Readable {
  let offset = 0
  return new Readable({
    highWaterMark: 2 * PAGE_BYTES,
    read() {
      const piece = pieceAt(offset, length)
      offset += piece.length
      this.push(piece.length === 0 ? null : piece)
    }
  })
}

/** CRC-32 of the first `length` bytes of the endless content. */
export function crcOf(length: number): number {
  let crc = 0
  for (let offset = 0; offset < length;) {
    const piece = pieceAt(offset, length)
    crc = crc32(piece, crc)
    offset += piece.length
  }
  return crc
}

export interface Stored {
  readonly length: number
  readonly crc: number
}

/** An upstream that keeps of every object its length and CRC, and gives back the endless content: as fast as a socket. */
export interface Sink {
  readonly endpoint: string
  readonly objects: ReadonlyMap<string, Stored>
  /** Uploads that ended before their last byte. */
  readonly broken: number
  /** Answers whose connection ended before their last byte. */
  readonly abandoned: number
  /** Bytes that were handed to connections in answers. */
  readonly bytesGiven: number
  readonly bytesTaken: number
  /** While true, bodies of uploads are not read. */
  stalled: boolean
  close(): Promise<void>
}

const OWNER = 'system:serviceaccount:shop:orders'
const TAGGING = `<Tagging><TagSet><Tag><Key>service</Key><Value>${OWNER}</Value></Tag></TagSet></Tagging>`
const NO_SUCH_KEY = '<Error><Code>NoSuchKey</Code></Error>'

/** A sink on loopback. */
export async function startSink(): Promise<Sink> {
  const objects = new Map<string, Stored>()
  const state = { broken: 0, abandoned: 0, bytesGiven: 0, bytesTaken: 0 }
  const paused = new Set<IncomingMessage>()
  let stalled = false
  const take = (request: IncomingMessage, response: ServerResponse, path: string): void => {
    let crc = 0
    let length = 0
    if (stalled) paused.add(request.pause())
    request.on('data', (bytes: Buffer) => {
      crc = crc32(bytes, crc)
      length += bytes.length
      state.bytesTaken += bytes.length
    })
    request.once('end', () => {
      objects.set(path, { length, crc })
      response.writeHead(200, { etag: `"${crc}"` }).end()
    })
    request.once('close', () => {
      paused.delete(request)
      if (!request.complete) state.broken += 1
    })
    if (stalled) request.pause()
  }
  const give = (response: ServerResponse, { length, crc }: Stored): void => {
    const headers = {
      'content-length': length,
      etag: `"${crc}"`,
      'last-modified': 'Sun, 01 Nov 2026 10:00:00 GMT',
      'x-amz-meta-sluice-service': OWNER
    }
    response.writeHead(200, headers)
    response.once('close', () => (state.abandoned += response.writableFinished ? 0 : 1))
    let offset = 0
    const more = (): void => {
      while (offset < length && !response.destroyed) {
        const piece = pieceAt(offset, length)
        offset += piece.length
        state.bytesGiven += piece.length
        if (!response.write(piece)) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  }
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    const [path = '', query = ''] = (request.url ?? '').split('?')
    const stored = objects.get(path)
    if (request.method === 'PUT') return take(request, response, path)
    if (stored === undefined)
      return void response.writeHead(404, { 'content-length': NO_SUCH_KEY.length }).end(request.method === 'HEAD' ? '' : NO_SUCH_KEY)
    if (query.includes('tagging')) return void response.writeHead(200).end(TAGGING)
    give(response, request.method === 'HEAD' ? { ...stored, length: 0 } : stored)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    objects,
    get broken() {
      return state.broken
    },
    get abandoned() {
      return state.abandoned
    },
    get bytesGiven() {
      return state.bytesGiven
    },
    get bytesTaken() {
      return state.bytesTaken
    },
    get stalled() {
      return stalled
    },
    set stalled(to) {
      stalled = to
      if (!to) for (const request of paused) request.resume()
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}
