import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { startSluice, type TestSluice } from '../../helpers/sluice.ts'
import { settingsFor, startSidecar, stopSidecar, type RunningSidecar } from '../../integration/sidecar/rig.ts'
import { environmentOf, type Keys, type Login } from './login.ts'

/** One proxy for all clients. The role of one namespace reaches one tenant. */
export interface Site {
  readonly sluice: TestSluice
  readonly tenant: string
  readonly otherTenant: string
  /** The upstream's, which the other tenant has to itself. */
  readonly otherBucket: string
  readonly accessKey: Keys
  /** In front of the proxy, with the service's token. */
  readonly sidecar: RunningSidecar
  stop(): Promise<void>
}

/** Starts it; the test stops it. */
export async function startSite(): Promise<Site> {
  const sluice = await startSluice({
    provider: 'aws',
    adjust(settings) {
      const [account] = settings.accounts
      const [issuer] = settings.issuers
      const [app] = settings.roles
      const folder = dirname(settings.sealing.keysFile)
      // Commands of operators take secrets from files alone.
      const kept = (name: string, secret = ''): { file: string } => {
        const file = join(folder, name)
        writeFileSync(file, secret, { mode: 0o600 })
        return { file }
      }
      return {
        ...settings,
        accounts: [
          {
            ...account,
            credentials: { ...account?.credentials, secretAccessKey: kept('upstream-secret', account?.credentials.secretAccessKey) }
          }
        ],
        database: { url: kept('database-url', settings.database.url) },
        issuers: [
          {
            ...issuer,
            roles: [
              { role: 'neighbour', namespaces: ['elsewhere'] },
              { role: 'app', namespaces: ['shop'] }
            ]
          }
        ],
        roles: [
          { ...app, tenants: ['7c9e6679-*'] },
          { ...app, name: 'neighbour', tenants: ['acme-archive'] }
        ]
      }
    }
  })
  const { shared: tenant, dedicated: otherTenant } = sluice.tenants
  const { AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile = '' } = sluice.services[SERVICE].env
  const sidecar = await startSidecar(sluice.folder, settingsFor(sluice, tokenFile))
  return {
    ...{ sluice, tenant, otherTenant, otherBucket: `sluice-${otherTenant}`, sidecar },
    accessKey: await makeAccessKey(sluice, tenant),
    async stop() {
      await stopSidecar(sidecar)
      await sluice.stop()
    }
  }
}

const SERVICE = 'shop/orders'

/** Web identity by environment, keys by session, and so on. A new way in is one more of these, and its name in the lines of clients. */
export const WAYS = {
  'web identity': { open: ({ sluice }) => Promise.resolve({ env: sluice.services[SERVICE].env }) },
  'session credentials': { open: async ({ sluice }) => keysLogin(sluice, await sluice.session(SERVICE)) },
  'access key': { open: ({ sluice, accessKey }) => Promise.resolve(keysLogin(sluice, accessKey)) },
  'presigned URL': { open: async ({ sluice }) => keysLogin(sluice, await sluice.session(SERVICE)) },
  'container credentials': { open: ({ sluice }) => Promise.resolve({ env: sluice.services[SERVICE].containerEnv ?? {} }) },
  sidecar: {
    open({ sluice, sidecar: { s3: endpoint } }) {
      const { env, keys } = keysLogin(sluice, { accessKeyId: 'whatever', secretAccessKey: 'it-is' })
      return Promise.resolve({ env: { ...env, AWS_ENDPOINT_URL_S3: endpoint }, keys, endpoint })
    }
  },
  bearer: { open: async ({ sluice }) => ({ env: {}, token: await sluice.token(SERVICE) }) }
} as const satisfies Readonly<Record<string, { open(site: Site): Promise<Login> }>>

export type WayName = keyof typeof WAYS

function keysLogin(sluice: TestSluice, keys: Keys): Login & { readonly keys: Keys } {
  const { AWS_ENDPOINT_URL_S3 = '', AWS_REGION = '', AWS_DEFAULT_REGION = '' } = sluice.services[SERVICE].env
  return { env: { AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_DEFAULT_REGION, ...environmentOf(keys) }, keys }
}

const ENTRY = join(import.meta.dirname, '..', '..', '..', 'proxy', 'main.ts')

async function makeAccessKey(sluice: TestSluice, tenant: string): Promise<Keys> {
  const config = join(sluice.folder, 'sluice.yaml')
  const subject = `system:serviceaccount:${SERVICE.replace('/', ':')}`
  const args = ['key', 'create', '--config', config, '--subject', subject, '--tenants', tenant, '--expires', '1', '--json']
  const { stdout } = await promisify(execFile)(process.execPath, [ENTRY, ...args], { env: {} })
  const { accessKeyId, secretAccessKey } = JSON.parse(stdout) as Keys
  return { accessKeyId, secretAccessKey }
}
