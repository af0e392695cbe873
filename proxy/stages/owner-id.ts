import { hash } from 'node:crypto'
import type { Caller } from '../identity/caller.ts'
import type { Owner } from '../s3/list-result.ts'

/** The canonical user that the client is shown as owner of everything it may see: an id of the form that S3 uses, made of the caller's own name. */
export function clientOwner({ owner }: Pick<Caller, 'owner'>): Owner {
  return { id: hash('sha256', owner, 'hex'), displayName: owner }
}
