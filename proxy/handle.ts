import { nameCaller, type AccessRecord } from './observe/access-record.ts'
import { acceptRequest } from './stages/accept.ts'
import { answerHere } from './stages/answer-here.ts'
import { answerPreflight, isPreflight } from './stages/answer-preflight.ts'
import { answerSts, isStsRequest } from './stages/answer-sts.ts'
import { authenticate, chooseWayIn } from './stages/authenticate.ts'
import { authorize } from './stages/authorize.ts'
import type { Dependencies } from './stages/dependencies.ts'
import { limitLoad, meterAnswer } from './stages/limit.ts'
import { recognize } from './stages/recognize.ts'
import { resolvePlaces } from './stages/resolve.ts'
import { rewriteRequest } from './stages/rewrite-request.ts'
import { rewriteResponse } from './stages/rewrite-response.ts'
import { send } from './stages/send.ts'
import { verifyOwner } from './stages/verify-owner.ts'
import type { Answer, Incoming } from './transport/transport.ts'

/**
 * One request, from the client's bytes to the answer. Each line is one file in stages/. It waits only where something is still to come:
 * a small read whose tenant and session are known runs in one turn until its upstream request is written.
 */
export async function handle(incoming: Incoming, record: AccessRecord, deps: Dependencies): Promise<Answer> {
  if (isPreflight(incoming.head)) return answerPreflight(incoming.head, record, deps)

  const accepted = acceptRequest(incoming, deps)
  record.tenant = accepted.tenant
  record.key = accepted.key
  if (isStsRequest(accepted)) return answerSts(accepted, record, deps)

  const now = deps.now()
  const chosen = chooseWayIn(accepted)
  record.wayIn = chosen.way.name
  const proving = authenticate(accepted, chosen, { deps, now })
  const proof = proving instanceof Promise ? await proving : proving
  const { caller, request } = proof
  record.key = request.key // of a form only known now
  nameCaller(record, caller)
  deps.live?.enter({ incoming, record, caller })

  const recognizing = recognize(request, proof, deps)
  const operation = recognizing instanceof Promise ? await recognizing : recognizing
  record.operation = operation.name
  record.droppedHeaders = operation.dropped

  const places = resolvePlaces(request, operation, caller, deps.placement) // the role's tenants first
  const grant = authorize({ request, caller, operation, places }, deps.policy, now)
  record.statement = grant.statement

  const admitted = limitLoad(request, { grant, record }, deps)
  if (operation.row.answeredBy === 'proxy') return answerHere(request, grant, deps)

  const planning = rewriteRequest(admitted, proof, grant, deps)
  const plan = planning instanceof Promise ? await planning : planning
  const held = await send(plan, { incoming, record }, deps)
  const release = verifyOwner(held, grant)
  return meterAnswer(rewriteResponse(release, { request, grant, plan }, deps), record, deps)
}
