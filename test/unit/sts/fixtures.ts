import { XMLParser } from 'fast-xml-parser'
import { createIssuers } from '../../../proxy/identity/issuers.ts'
import { compileRoles } from '../../../proxy/identity/roles.ts'
import { verifyWebIdentity } from '../../../proxy/identity/web-identity.ts'
import type { AssumeRoleDeps } from '../../../proxy/sts/assume-role.ts'
import { handleSts, type StsAnswer, type StsRequest } from '../../../proxy/sts/handle-sts.ts'
import { countedRandom, issuer, keySet, NOW, RING, signingKey, tokenBy } from '../identity/fixtures.ts'

export const [key, stranger] = await Promise.all([signingKey('k1'), signingKey('k1')])
const ISSUERS = createIssuers([issuer(keySet(() => Promise.resolve({ keys: [key.jwk] })))])
export const TOKEN = await tokenBy(key)

const TRUST = [{ issuers: ['prod-eu'], namespaces: ['billing'], serviceAccounts: ['*'] }]
const ROLES = compileRoles([
  { name: 'service', tenants: ['*'], trust: TRUST, sessionSecondsMax: 43_200 },
  { name: 'short', tenants: ['*'], trust: TRUST, sessionSecondsMax: 1800 },
  {
    name: 'shop',
    tenants: ['*'],
    trust: [{ issuers: ['prod-eu'], namespaces: ['shop'], serviceAccounts: ['*'] }],
    sessionSecondsMax: 3600
  }
])

export const DEPS: AssumeRoleDeps = {
  verifyToken: (token, issuerId) => verifyWebIdentity(token, ISSUERS, { now: NOW, issuerId }),
  roles: ROLES,
  sealer: { ring: RING, random: countedRandom('sts') },
  policyProblems: (text) => (text.startsWith('{') ? [] : ['it is not JSON']),
  now: () => NOW
}

export const FORM: Readonly<Record<string, string>> = {
  Action: 'AssumeRoleWithWebIdentity',
  Version: '2011-06-15',
  RoleArn: 'arn:aws:iam::123456789012:role/service',
  RoleSessionName: 'botocore-session-1795000000',
  WebIdentityToken: TOKEN
}

const CONTENT_TYPE = 'application/x-www-form-urlencoded; charset=utf-8'

function request(form: string | Readonly<Record<string, string>>, differences: Partial<StsRequest> = {}): StsRequest {
  const text = typeof form === 'string' ? form : new URLSearchParams(form).toString()
  return {
    issuerId: null,
    rawQuery: '',
    contentType: CONTENT_TYPE,
    body: Buffer.from(text, 'latin1'),
    requestId: 'req-1',
    caller: null,
    ...differences
  }
}

export const ask = (
  form: string | Readonly<Record<string, string>>,
  differences: Partial<StsRequest> = {},
  deps = DEPS
): Promise<StsAnswer> => handleSts(request(form, differences), deps)

const parser = new XMLParser({ ignoreAttributes: false, parseTagValue: false })
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a parsed document has no type
export const read = (answer: StsAnswer): any => parser.parse(answer.xml)
