import type { Test } from 'tap'
import { startSite, TENANT, type Reply, type Site } from '../ways-in/site.ts'
import type { Cluster } from './cluster.ts'

export interface Exchange {
  readonly path?: string
  readonly role?: string
  readonly more?: Readonly<Record<string, string>>
}

/** Asks STS for a session for a token. */
export function exchange(site: Site, token: string, { path = '/', role = 'app', more = {} }: Exchange = {}): Promise<Reply> {
  const form = {
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: `arn:aws:iam::000000000000:role/${role}`,
    RoleSessionName: 'test',
    WebIdentityToken: token,
    ...more
  }
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return site.send({ method: 'POST', target: path, headers, body: new URLSearchParams(form).toString() })
}

/** Reads an object with the token itself. */
export const readWith = (site: Site, token: string): Promise<Reply> =>
  site.send({ method: 'GET', target: `/${TENANT}/thing`, headers: { authorization: `Bearer ${token}` } })

export const UNIFORM = 'The web identity token could not be validated'

export interface Expected {
  readonly status: number
  readonly code: string
}

/** A request after which no session was given and the upstream has seen nothing. */
export async function releasesNothing(t: Test, site: Site, sending: () => Promise<Reply>, expected: Expected): Promise<Reply> {
  const before = site.reached()
  const reply = await sending()
  t.match(reply, expected)
  t.notMatch(reply.body, /SecretAccessKey|SessionToken/, 'no session')
  t.equal(site.reached(), before, 'nothing reached the upstream')
  return reply
}

/** A token that is no good, at STS and on a request itself. */
export async function isRefused(t: Test, site: Site, token: string, { expired = false, path = '/' } = {}): Promise<void> {
  const atSts = await releasesNothing(t, site, () => exchange(site, token, { path }), {
    status: 400,
    code: expired ? 'ExpiredTokenException' : 'InvalidIdentityToken'
  })
  if (!expired) t.match(atSts.body, UNIFORM, 'in words that tell nothing of the configuration')
  const onRequest = expired ? { status: 400, code: 'ExpiredToken' } : { status: 403, code: 'AccessDenied' }
  await releasesNothing(t, site, () => readWith(site, token), onRequest)
}

/** A token about which nothing could be found out. */
export async function isUnavailable(t: Test, site: Site, token: string): Promise<void> {
  await releasesNothing(t, site, () => exchange(site, token), { status: 503, code: 'ServiceUnavailable' })
  await releasesNothing(t, site, () => readWith(site, token), { status: 503, code: 'ServiceUnavailable' })
}

/** A token that is good for a session and on a request. */
export async function isTaken(t: Test, site: Site, token: string): Promise<void> {
  t.match(await exchange(site, token), { status: 200, body: /<SecretAccessKey>/ })
  t.match(await readWith(site, token), { code: 'NoSuchKey' })
}

/** A site whose issuer `test` is the cluster, by its own token. */
export function startSiteOf(cluster: Cluster, tokenFile: string, more: object = {}): Promise<Site> {
  return startSite({
    adjust: (settings) => ({ ...settings, issuers: settings.issuers.map((issuer) => autoIssuer(issuer, cluster, { tokenFile, ...more })) })
  })
}

function autoIssuer(issuer: { readonly jwks: object }, cluster: Cluster, { tokenFile, ...more }: { readonly tokenFile: string }): object {
  const { refresh, unknownKidCooldown, failureBackoff, maxStale } = issuer.jwks as Readonly<Record<string, string>>
  return {
    ...issuer,
    issuer: 'auto',
    apiServer: { url: cluster.url, tokenFile },
    jwks: { refresh, unknownKidCooldown, failureBackoff, maxStale },
    ...more
  }
}
