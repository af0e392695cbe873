import type { AccessRecord } from '../observe/access-record.ts'
import type { Cors } from '../cors/cors.ts'
import { S3Error } from '../s3/error.ts'
import type { Answer, RequestHead } from '../transport/transport.ts'

/** True for what a browser asks before it lets a page of another origin send its request. Nobody signs it. */
export function isPreflight({ method }: RequestHead): boolean {
  return method === 'OPTIONS'
}

/** Answers from the head and the configuration alone: it is the same for every tenant and key, so it tells nothing of them. */
export function answerPreflight(head: RequestHead, record: AccessRecord, { cors }: { readonly cors: Cors }): Answer {
  record.operation = 'Preflight'
  const preflight = cors.preflight(head)
  switch (preflight.kind) {
    case 'allowed':
      return { status: 200, rawHeaders: preflight.rawHeaders, body: null }
    case 'incomplete':
      throw new S3Error('BadRequest', 'an incomplete preflight', { Message: preflight.message })
    case 'refused': {
      const { message, method } = preflight
      throw new S3Error('AccessForbidden', 'a preflight of what is not permitted', {
        Message: message,
        ...(method === null ? {} : { Method: method }),
        ResourceType: 'BUCKET'
      })
    }
    default:
      return preflight satisfies never
  }
}
