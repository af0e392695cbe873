import { join } from 'node:path'

/**
 * Where every Node of a test run keeps what it has compiled: each process compiles the product and the SDKs anew otherwise, which
 * is half of its start. It goes with the packages and lies nowhere else.
 */
export const COMPILE_CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'compiled')

/**
 * A command to spawn without the NODE_OPTIONS that tap gives every child of a test, whatever environment the test says: hooks that
 * only its coverage needs, and that no user's process has.
 */
export function withoutTap(command: string, args: readonly string[]): [string, string[]] {
  return ['env', ['-u', 'NODE_OPTIONS', command, ...args]]
}
