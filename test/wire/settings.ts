/** What a file says of proxy and client where they are not as usual. */
import { BODY_CHANGES, BODY_MODES } from './chunked-body.ts'
import { USUAL_CLIENT, type ClientSettings } from './client.ts'
import type { ExchangeFile } from './exchange-file.ts'
import type { ProxySettings } from './proxy.ts'

const USUAL_PROXY: ProxySettings = {
  tenantsMode: 'open',
  regions: [],
  dropHeaders: [],
  smallPutBytesMax: 1024 * 1024,
  leases: 'free',
  hasSnapshot: true,
  hasDatabase: true
}

export interface Settings {
  readonly proxy: ProxySettings
  readonly client: ClientSettings
  /** True: nothing listens where the upstream should be. */
  readonly isDown: boolean
  /** True: the exchange shows a fault, which is logged. */
  readonly faultExpected: boolean
}

/** The settings of a file; throws for one that does not exist. */
export function settingsOf({ settings }: ExchangeFile): Settings {
  const left = new Map(settings)
  const take = (name: string): string | undefined => {
    const value = left.get(name)
    left.delete(name)
    return value
  }
  const list = (name: string): string[] => (take(name) ?? '').split(',').map((item) => item.trim()).filter((item) => item !== '')
  const trailer = take('trailer')
  const taken: Settings = {
    proxy: {
      ...USUAL_PROXY,
      tenantsMode: oneOf(take('tenants') ?? 'open', ['open', 'registered']),
      regions: list('regions'),
      dropHeaders: list('drop headers'),
      smallPutBytesMax: Number(take('small bodies up to') ?? USUAL_PROXY.smallPutBytesMax),
      leases: oneOf(take('leases') ?? 'free', ['free', 'lingers', 'unavailable']),
      hasSnapshot: oneOf(take('snapshot') ?? 'loaded', ['loaded', 'none']) === 'loaded',
      hasDatabase: oneOf(take('database') ?? 'up', ['up', 'down']) === 'up'
    },
    client: {
      ...USUAL_CLIENT,
      caller: take('caller') ?? USUAL_CLIENT.caller,
      signature: oneOf(take('signature') ?? 'right', ['right', 'wrong', 'none', 'in the query', 'wrong in the query', 'in a form', 'wrong in a form']),
      signedAt: new Date(take('signed at') ?? USUAL_CLIENT.signedAt),
      signedFor: take('signed for') ?? USUAL_CLIENT.signedFor,
      unsigned: list('not signed'),
      accessKeyId: take('access key') ?? null,
      sessionToken: oneOf(take('session token') ?? 'own', ['own', 'none', 'changed', 'of another']),
      form: JSON.parse(take('form') ?? '{}') as Readonly<Record<string, string>>,
      body: {
        mode: oneOf(take('body') ?? 'hash', BODY_MODES),
        chunkBytes: Number(take('chunks of') ?? USUAL_CLIENT.body.chunkBytes),
        trailer: trailer === undefined ? null : oneOf(trailer, ['crc32', 'sha256'] as const),
        changed: oneOf(take('changed after signing') ?? 'nothing', BODY_CHANGES)
      }
    },
    isDown: oneOf(take('upstream') ?? 'up', ['up', 'down']) === 'down',
    faultExpected: take('fault') === 'expected'
  }
  if (left.size > 0) throw new Error(`unknown settings: ${[...left.keys()].join(', ')}`)
  return taken
}

function oneOf<Name extends string>(value: string, names: readonly Name[]): Name {
  const name = names.find((candidate) => candidate === value)
  if (name === undefined) throw new Error(`${value} is none of ${names.join(', ')}`)
  return name
}
