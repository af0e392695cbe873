import { setFlagsFromString } from 'node:v8'

/**
 * Options of node that bound each half of the young generation, in MiB. It begins at 1 by itself, and is then collected every ten
 * requests or so; they cannot be given once a process runs, so every way to start Sluice gives them.
 */
export const YOUNG_GENERATION = ['--min-semi-space-size=4', '--max-semi-space-size=16'] as const

/** Lets the young generation grow to its bound as requests come; without the options above, to what V8 allows. */
export function growYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=4')
}
