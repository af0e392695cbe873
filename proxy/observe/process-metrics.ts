import { collectDefaultMetrics, Registry } from 'prom-client'

/** The usual metrics of a process that counts nothing itself. */
export function createProcessMetrics(): { page(): Promise<string> } {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return { page: () => registry.metrics() }
}
