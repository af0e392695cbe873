import type { Store } from '../../../proxy/dev/store/start-store.ts'
import type { Caller } from './rig.ts'
import { PLACE_NAMES } from './rig-config.ts'

/** What no answer may hold, whoever asks: names of the upstream and of the proxy's own marks. */
const NEVER = [
  'zq-acct',
  'zq-phys',
  'zq-upstream',
  'ZQUPSTREAM',
  'zq-region',
  'sluice-service',
  'sluice-upload',
  'x-minio',
  'XMinio',
  'arn:aws',
  'minio_cache',
  'at Object.',
  'node:internal',
  '.ts:'
]

/** What an answer to this caller may not hold besides: words of other tenants and other services. */
export function secretsOf(caller: Caller | null | 'several', stores: Readonly<Record<string, Store>>): readonly string[] {
  const upstream = Object.values(stores).map(({ endpoint }) => new URL(endpoint).host)
  if (caller === 'several') return [...NEVER, ...upstream]
  const foreign = ['ta-', 'tb-'].filter((prefix) => caller === null || (caller.tenants !== '' && caller.tenants !== prefix))
  // Whole names: three letters occur by chance in what is sealed.
  const tenants = foreign.flatMap((prefix) =>
    [...PLACE_NAMES, 'shared', 'dotted', 'adopted'].map((place) => `${prefix}${place.toLowerCase()}`)
  )
  const services = ['a1', 'a2', 'b1', 'b2', 'w1', 'w2'].filter((service) => service !== caller?.service)
  return [...NEVER, ...upstream, ...tenants, ...services.map(contentOf)]
}

/** A word that stands in content, metadata and tags of one service's objects and nowhere else. */
export function contentOf(service: string): string {
  return `canary${service}canary`
}

/** The leaks of an answer: secrets in it, plain or under base64. What the client itself sent is no leak. */
export function leaksIn(
  answer: string,
  { asked, secrets }: { readonly asked: string; readonly secrets: readonly string[] }
): readonly string[] {
  const hidden = [...answer.matchAll(/[A-Za-z0-9+/_-]{16,}={0,2}/g)].map(([text]) => Buffer.from(text, 'base64').toString('latin1'))
  return secrets
    .filter((secret) => !asked.includes(secret) && [answer, ...hidden].some((text) => text.includes(secret)))
    .map((secret) => `the answer holds ${JSON.stringify(secret)}: ${JSON.stringify(answer.slice(0, 600))}`)
}
