import type { Cancellation, Incoming } from './transport.ts'

/** Gives up what serves a request when its client goes away. */
export function whenGone(incoming: Incoming): Cancellation {
  return {
    get cancelled() {
      return incoming.gone
    },
    onCancel: (callback) => incoming.onGone(callback)
  }
}
