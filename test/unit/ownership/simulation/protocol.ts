/** Loads the production generators, or a copy of them in which a rule was taken back. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { attributes } from '../../../../proxy/ownership/attributes.ts'
import type { complete } from '../../../../proxy/ownership/complete.ts'
import type { copy } from '../../../../proxy/ownership/copy.ts'
import type { createUpload } from '../../../../proxy/ownership/create-upload.ts'
import type { deleteObject } from '../../../../proxy/ownership/delete.ts'
import type { deleteMany } from '../../../../proxy/ownership/delete-many.ts'
import type { getTagging } from '../../../../proxy/ownership/get-tagging.ts'
import type { head } from '../../../../proxy/ownership/head.ts'
import type { put } from '../../../../proxy/ownership/put.ts'
import type { putTagging } from '../../../../proxy/ownership/put-tagging.ts'
import type { get } from '../../../../proxy/ownership/read.ts'
import type { uploadPartCopy } from '../../../../proxy/ownership/upload-part-copy.ts'

export const PRODUCTION = resolve(import.meta.dirname, '../../../../proxy/ownership')

export interface Operations {
  readonly get: typeof get
  readonly head: typeof head
  readonly attributes: typeof attributes
  readonly getTagging: typeof getTagging
  readonly put: typeof put
  readonly copy: typeof copy
  readonly uploadPartCopy: typeof uploadPartCopy
  readonly createUpload: typeof createUpload
  readonly complete: typeof complete
  readonly deleteObject: typeof deleteObject
  readonly deleteMany: typeof deleteMany
  readonly putTagging: typeof putTagging
}

const FILES = [
  'read',
  'head',
  'attributes',
  'get-tagging',
  'put',
  'copy',
  'upload-part-copy',
  'create-upload',
  'complete',
  'delete',
  'delete-many',
  'put-tagging'
]

/** The generators of the folder. */
export async function loadOperations(folder = PRODUCTION): Promise<Operations> {
  const modules: object[] = await Promise.all(
    FILES.map(async (file) => (await import(pathToFileURL(resolve(folder, `${file}.ts`)).href)) as object)
  )
  return Object.assign({}, ...modules) as Operations
}
