import { S3Error } from '../s3/error.ts'
import type { Tags } from '../s3/tagging.ts'
import type { AcceptedRequest } from './accept.ts'
import type { Grant } from './authorize.ts'
import type { PreparedBody } from './body.ts'
import type { Place } from './resolve.ts'

/** What the upstream requests of one client request are built from. */
export interface Exchange {
  readonly request: AcceptedRequest
  readonly grant: Grant
  readonly place: Place
  /** The body of PutObject and UploadPart. */
  readonly body: PreparedBody | null
  /** The client's tags without ours; null where the request says nothing of tags. */
  readonly tags: Tags | null
}

/** The place of the target or of the copy source, whichever an ask is for. */
export function placeOf({ place, grant }: Exchange, which: 'target' | 'source'): Place {
  if (which === 'target') return place
  if (grant.source === null) throw new Error('an ask names a copy source that the request does not have')
  return grant.source.place
}

/** The prepared body; a stage that asks for one where there is none is broken. */
export function bodyOf({ body }: Exchange): PreparedBody {
  if (body === null) throw new Error('an ask sends a body that the request does not have')
  return body
}

/** The place of a request that names a tenant. */
export function requiredPlace(grant: Grant): Place {
  if (grant.place === null) throw new S3Error('NoSuchBucket', 'the tenant has no place')
  return grant.place
}
