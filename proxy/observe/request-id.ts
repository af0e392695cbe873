/** Random bytes taken at once: asking for eight costs as much as asking for this many. */
const POOL_BYTES = 4096
const ID_BYTES = 8

/** Makes request ids in the form of AWS's own: sixteen upper-case hexadecimal digits. */
export function createRequestIds(randomBytes: (count: number) => Buffer): () => string {
  let pool: Buffer = Buffer.alloc(0)
  let next = 0
  return () => {
    if (next >= pool.length) {
      pool = randomBytes(POOL_BYTES)
      next = 0
    }
    next += ID_BYTES
    return pool.toString('hex', next - ID_BYTES, next).toUpperCase()
  }
}
