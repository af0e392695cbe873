import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where the binary is that was built for tests; `SLUICE_TEST_MINIO` names another. */
const BUILT = join(homedir(), '.cache/sluice/minio-v0.0.0-20260212201848-7aac2a2c5b7c/minio')

export const NO_MINIO = 'there is no MinIO: SLUICE_TEST_MINIO does not name one, and none was built'

/** The MinIO to test with, or null where there is none. */
export function minioBinary(): string | null {
  const named = process.env['SLUICE_TEST_MINIO'] ?? ''
  if (named !== '') return named
  return existsSync(BUILT) ? BUILT : null
}
