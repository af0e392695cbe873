import type { Credentials } from '../../test/integration/attacks/signer.ts'
import type { Subject } from './process.ts'
import type { Workload } from './workloads.ts'

/** A subject as the rows name it, with what its requests are made of. */
export interface Party {
  readonly name: string
  readonly subject: Subject
  readonly credentials: Credentials
  readonly region: string
  /** True where signatures are verified: then a key is new only under a signature of its own. */
  readonly verifies: boolean
  /** True where code is compiled while it runs, which takes tens of thousands of requests to settle. */
  readonly compiles: boolean
  takes(workload: Workload): boolean
}
