import { group, optional, type Reading, type ValueOf } from './field.ts'
import { size, whole } from './scalar.ts'

const TIB = 1024 ** 4

const requestsPerSecond = (help: string) => whole({ help, fallback: 0, min: 0, max: 10_000_000 })
const requestsBurst = optional(whole({ help: 'Requests at once after a pause.', min: 1, max: 100_000_000 }), 'as many as requestsPerSecond')

/** The same for every tenant. */
export const TENANT_LOAD = group('What each tenant may use; more is told to slow down. 0: no limit.', {
  requestsMax: whole({ help: 'Requests at work at once.', fallback: 0, min: 0, max: 1_000_000 }),
  requestsPerSecond: requestsPerSecond('Requests a second, in the long run.'),
  requestsBurst,
  bytesPerSecond: size({ help: 'Bytes of bodies a second, up and down together, in the long run.', fallback: '0B', min: 0, max: TIB }),
  bytesBurst: optional(size({ help: 'Bytes at once after a pause.', min: 1, max: TIB }), 'as many as bytesPerSecond'),
  rememberedMax: whole({
    help: 'Tenants whose use is remembered; of more, those idle longest are forgotten.',
    fallback: 100_000,
    min: 1_000,
    max: 10_000_000
  })
})

/** The same for every bucket of an account. */
export const BUCKET_LOAD = group('What each bucket of the account takes from all its tenants together. 0: no limit.', {
  requestsPerSecond: requestsPerSecond('Requests to the upstream a second, in the long run.'),
  requestsBurst
})

/** A burst of what has no rate would limit nothing, though it reads as if it did. */
export function checkTenantLoad(settings: ValueOf<typeof TENANT_LOAD>, path: string, reading: Reading): void {
  checkBucketLoad(settings, path, reading)
  if (settings.bytesPerSecond === 0 && settings.bytesBurst !== null && reading.sound(path))
    reading.problem(`${path}.bytesBurst`, `limits nothing without ${path}.bytesPerSecond: set that too, or remove this`)
}

export function checkBucketLoad(settings: ValueOf<typeof BUCKET_LOAD>, path: string, reading: Reading): void {
  if (settings.requestsPerSecond === 0 && settings.requestsBurst !== null && reading.sound(path))
    reading.problem(`${path}.requestsBurst`, `limits nothing without ${path}.requestsPerSecond: set that too, or remove this`)
}
