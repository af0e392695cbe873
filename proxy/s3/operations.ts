import { BUCKET_OPERATIONS } from './operations-bucket.ts'
import { OBJECT_OPERATIONS } from './operations-object.ts'
import { UPLOAD_OPERATIONS } from './operations-upload.ts'
import type { OperationRow } from './operation-row.ts'

/**
 * Every S3 operation this proxy serves, one row each. There is no default row:
 * a request whose shape is not listed here is refused with NotImplemented.
 */
export const OPERATIONS = {
  ...BUCKET_OPERATIONS,
  ...OBJECT_OPERATIONS,
  ...UPLOAD_OPERATIONS
} as const satisfies Record<string, OperationRow>

export type OperationName = keyof typeof OPERATIONS

/** The names of all rows. */
export const OPERATION_NAMES = Object.keys(OPERATIONS) as readonly OperationName[]
