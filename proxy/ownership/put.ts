/** PutObject. */
import type { OwnershipContext } from './context.ts'
import type { ObjectRef, Protocol, WireCondition } from './steps.ts'
import { write } from './write.ts'

export interface PutRequest {
  readonly at: ObjectRef
  /** The client's own condition. */
  readonly client: WireCondition
  /** False for a large body, which can be sent only once. */
  readonly replayable: boolean
}

/** Stores the client's body where the key is absent or holds what policy admits. */
export function* put(context: OwnershipContext, request: PutRequest): Protocol {
  return yield* write(context, { ...request, ask: (condition) => ({ ask: 'put', at: request.at, condition }) })
}
