/** CreateMultipartUpload. */
import { isDone, refusal } from './answers.ts'
import { askOne } from './ask.ts'
import type { OwnershipContext } from './context.ts'
import { look } from './look.ts'
import type { ObjectRef, Protocol } from './steps.ts'
import { judgeWrite } from './write.ts'

/** Begins an upload whose object will carry the caller's mark and a nonce of this upload alone. */
export function* createUpload(context: OwnershipContext, request: { readonly at: ObjectRef }): Protocol {
  const { at } = request
  // Only advice, so that nobody uploads in vain: CompleteMultipartUpload decides.
  const verdict = judgeWrite(context, yield* look(context, at), { at, client: { kind: 'none' } })
  if (verdict.verdict === 'stop') return verdict.outcome
  const nonce = context.newNonce()
  const seen = yield* askOne({ ask: 'createUpload', at, nonce })
  return isDone(seen) ? { outcome: 'relay', seen, proof: verdict.over, nonce } : refusal(seen, 'create upload')
}
