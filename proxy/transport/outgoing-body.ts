import { UpstreamFault, type ByteSource, type UpstreamRequest } from './transport.ts'

/** A flow that declares no bytes can still fail, at its end, and then nothing may be sent. */
export async function emptied(request: UpstreamRequest, source: ByteSource): Promise<UpstreamRequest> {
  await new Promise<void>((resolve, reject) => {
    const fail = (message: string, cause?: Error): void => reject(new UpstreamFault('body', message, { maybeExecuted: false, cause }))
    source.start({
      write: (bytes) => {
        if (bytes.length === 0) return true
        const error = new Error('the body is longer than the 0 bytes declared')
        source.cancel(error)
        fail(error.message)
        return false
      },
      end: resolve,
      fail: (error) => fail(error.message, error)
    })
  })
  return { ...request, body: null }
}

/** The fault of a request whose body says another length than is declared; null where they agree. */
export function lengthFault(request: UpstreamRequest): UpstreamFault | null {
  const { body, bodyLength } = request
  const known = body === null ? 0 : body instanceof Uint8Array ? body.length : (body.length ?? bodyLength)
  if (known === bodyLength) return null
  return new UpstreamFault('body', `a body of ${known} bytes is declared as ${bodyLength}`, { maybeExecuted: false })
}

export function isSource(body: UpstreamRequest['body']): body is ByteSource {
  return body !== null && 'start' in body
}

/** The fault of a request that nobody waits for any more. */
export function givenUp(maybeExecuted: boolean): UpstreamFault {
  return new UpstreamFault('cancelled', 'the request was given up', { maybeExecuted })
}
