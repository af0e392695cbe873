import { Gate, type FaultAction } from '../../../proxy/dev/store/faults.ts'
import type { Store } from '../../../proxy/dev/store/start-store.ts'

/** Numbers from 0 up to 1, the same ones for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const DELAY_MS_MAX = 40
/** A late request takes effect when whoever sent it has given up, and while a lease taken for it still lives. */
export const LATE_MS = { min: 1_100, max: 1_800 } as const

/** Delays, reorders, refuses, loses and belates what reaches the store, until the returned function is called. */
export function badWeather(store: Store, random: () => number): () => void {
  let over = false
  const { take } = store.faults
  store.faults.take = (): FaultAction | null => {
    if (over) return null
    const lot = random()
    if (lot < 0.006) return { kind: 'loseAnswer' }
    if (lot < 0.009) return { kind: 'drop' }
    if (lot < 0.015) return { kind: 'refuse', code: 'InternalError', afterEffect: random() < 0.5 }
    if (lot < 0.025) return { kind: 'refuse', code: 'SlowDown' }
    if (lot < 0.029) return { kind: 'late', gate: openedAfter(LATE_MS.min + random() * (LATE_MS.max - LATE_MS.min)) }
    if (lot > 0.65) return null
    const at = (['arrival', 'effect', 'answer'] as const)[Math.floor(random() * 3)] ?? 'effect'
    return { kind: 'hold', gate: openedAfter(random() * DELAY_MS_MAX), at }
  }
  return () => {
    over = true
    store.faults.take = take
  }
}

function openedAfter(ms: number): Gate {
  const gate = new Gate()
  setTimeout(() => gate.open(), ms)
  return gate
}
