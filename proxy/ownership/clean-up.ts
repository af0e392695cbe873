/** Giving back what a run holds, however it ends. */
import type { Protocol } from './steps.ts'

/** Ends a run that was left from outside by `return`, once it has given back what it held. */
export class Abandoned extends Error {}

/**
 * Runs `body`, then `cleanUp`, whether the body ends, fails or is left. A `finally` that yields is not enough: after
 * `return`, JavaScript goes on behind a `yield*` whose inner generator yielded once more, as if that had returned a
 * value (ECMA-262, 15.5.5). So a run that was left goes on as a failure.
 */
export function* cleanly<Result>(body: Protocol<Result>, cleanUp: () => Protocol<void>): Protocol<Result> {
  let isLeft = true
  try {
    const result = yield* body
    isLeft = false
    return result
  } catch (error) {
    isLeft = false
    throw error
  } finally {
    yield* cleanUp()
    if (isLeft) throw new Abandoned('the run was left')
  }
}

/** Leaves a run: yields the steps by which it gives back what it holds. */
export function* abandon(run: Protocol<unknown>): Protocol<void> {
  try {
    let got = run.return(undefined)
    while (!got.done) got = run.next(yield got.value)
  } catch (error) {
    if (!(error instanceof Abandoned)) throw error
  }
}
