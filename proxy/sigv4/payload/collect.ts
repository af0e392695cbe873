import type { ByteSource } from '../../transport/transport.ts'
import { PayloadProblem } from './problem.ts'

const FIRST_BYTES = 64 * 1024

/** All bytes of a flow, in one piece; rejects with `PayloadProblem` and gives the flow up as soon as there are more than `bytesMax`. */
export function collectBody(source: ByteSource, { bytesMax }: { readonly bytesMax: number }): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (source.length !== null && source.length > bytesMax) {
      refuse()
      return
    }
    let buffer: Uint8Array = new Uint8Array(Math.min(source.length ?? FIRST_BYTES, FIRST_BYTES))
    let total = 0
    let over = false
    source.start({
      write(bytes) {
        if (over) return false
        if (total + bytes.length > bytesMax) {
          over = true
          refuse()
          return false
        }
        buffer = withRoom(buffer, total, total + bytes.length)
        buffer.set(bytes, total) // A copy: the piece goes back to the source with `true`.
        total += bytes.length
        return true
      },
      end: () => resolve(buffer.subarray(0, total)),
      fail: reject
    })

    function refuse(): void {
      const problem = new PayloadProblem('too-large', 'Your request was too large.')
      source.cancel(problem)
      reject(problem)
    }
  })
}

/** Grows with what came, not with what was declared, and not by piece: a body sent byte by byte costs no more than another. */
function withRoom(buffer: Uint8Array, filled: number, needed: number): Uint8Array {
  if (needed <= buffer.length) return buffer
  const grown = new Uint8Array(Math.max(needed, 2 * buffer.length))
  grown.set(buffer.subarray(0, filled))
  return grown
}
