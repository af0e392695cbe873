import { S3Error } from '../../s3/error.ts'
import { payloadMode, type PayloadMode } from '../../sigv4/payload/modes.ts'

/** The payload mode of a request without a signature that chunks could be chained to; a body that claims such chunks is refused unread. */
export function unchainedPayload(contentSha256: string | undefined): PayloadMode {
  const payload = payloadMode(contentSha256)
  if (payload.mode !== 'signed-chunks' && payload.mode !== 'signed-chunks-trailer') return payload
  throw new S3Error('InvalidRequest', 'signed chunks without a signature in the Authorization header', {
    Message: 'A body in signed chunks needs a request that is signed in its Authorization header.'
  })
}
