import type { Test } from 'tap'
import type { RecordedRequest } from '../../../proxy/dev/store/request-log.ts'
import type { Call, Outcome, Rig } from './rig.ts'

/**
 * What the stores may have been asked by a request that is refused. `nothing`: the request alone decides.
 * `looks`: ownership decides, so the object is looked at. `reads`: a held read is among the looks. `noWrite`: the body
 * decides, so a write was begun and never completed.
 */
export type Reach = 'nothing' | 'looks' | 'reads' | 'noWrite'

export interface Refusal {
  readonly why: string
  readonly call: Call
  /** The S3 code; null where the answer has no body (HEAD). */
  readonly code: string | null
  readonly status?: number
  readonly reach?: Reach
}

const LOOKS: ReadonlySet<string | null> = new Set(['HeadObject', 'GetObjectTagging'])
const READS: ReadonlySet<string | null> = new Set([...LOOKS, 'GetObject', 'GetObjectAttributes'])

/** Sends the call and asserts that it is refused with that code, that nothing took effect and that the stores were asked no more than allowed. */
export async function refused(t: Test, rig: Rig, { why, call, code, status, reach = 'nothing' }: Refusal): Promise<Outcome> {
  const before = rig.state()
  const outcome = await rig.send(call)
  const found = {
    code: outcome.code,
    tooMuch: outcome.upstream.filter((request) => !isWithin(reach, request)).map(({ method, rawTarget }) => `${method} ${rawTarget}`),
    changed: rig.state() !== before
  }
  t.same(found, { code, tooMuch: [], changed: false }, `${why}: ${code ?? `status ${status ?? ''}`}`)
  if (status !== undefined) t.equal(outcome.status, status, `${why}: status ${status}`)
  return outcome
}

function isWithin(reach: Reach, request: RecordedRequest): boolean {
  switch (reach) {
    case 'nothing':
      return false
    case 'looks':
      return LOOKS.has(request.operation)
    case 'reads':
      return READS.has(request.operation)
    case 'noWrite':
      return READS.has(request.operation) || !request.effective
    default:
      return reach satisfies never
  }
}

/** Sends the call and asserts that it succeeds: the same request, without what makes it an attack, must work. */
export async function succeeds(t: Test, rig: Rig, why: string, call: Call): Promise<Outcome> {
  const outcome = await rig.send(call)
  t.ok(outcome.status >= 200 && outcome.status < 300, `${why}: ${outcome.status} ${outcome.code ?? ''}`)
  return outcome
}
