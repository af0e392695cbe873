import { hash } from 'node:crypto'

/** S3: a tag value has at most 256 characters. */
const OWNER_CHARS_MAX = 256
/** S3 allows these in tag values (spaces and other alphabets too, but those do not survive in headers alike everywhere). */
const LEGAL_IN_TAGS = /^[A-Za-z0-9+\-=._:/@]+$/
const HASH_PREFIX = 'sha256:'

/**
 * The owner that a subject's objects are marked with: the subject itself for the default issuer, `<issuer id>/<subject>` for others.
 * What does not fit a tag value (over 256 characters, other characters), or could be read as another subject's owner,
 * becomes `sha256:<hex>`, so that two subjects never share an owner.
 */
export function ownerOf(subject: string, issuerId: string, isDefault: boolean): string {
  const owner = isDefault ? subject : `${issuerId}/${subject}`
  // A subject of the default issuer must not spell what another issuer's subject, or a hashed one, is called.
  const ambiguous = isDefault ? subject.includes('/') || subject.startsWith(HASH_PREFIX) : false
  if (!ambiguous && owner.length <= OWNER_CHARS_MAX && LEGAL_IN_TAGS.test(owner)) return owner
  // The default issuer's id stays out of it: renaming the issuer must not orphan objects.
  return HASH_PREFIX + hash('sha256', JSON.stringify(isDefault ? [subject] : [issuerId, subject]))
}
