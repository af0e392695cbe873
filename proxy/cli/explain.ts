import { explain, explainLines } from '../../policy/explain.ts'
import type { ContextKey } from '../../policy/condition-keys.ts'
import type { ObjectFacts } from '../../policy/decision.ts'
import { configOf, type Arguments, type Command } from './commands.ts'
import { composeIdentity } from '../compose/identity.ts'

export const explainCommand: Command = {
  summary: 'Says why a request would be allowed or denied, statement by statement. Exit code 0: allowed, 3: not.',
  usage:
    '--role NAME --service SUBJECT --action s3:ACTION --tenant ID [--key KEY] [--owner OWNER | --absent] [--tag K=V]… [--context K=V]… [--issuer ID] [--config FILE]',
  help: [
    '--service SUBJECT   e.g. system:serviceaccount:billing:invoicer',
    "--owner OWNER       whose the object is; '' for nobody's. --absent: there is none. Neither: what must be looked at is said",
    '--tag K=V           a tag of the object; may come several times',
    '--context K=V       a condition key of the request, e.g. s3:prefix=exports/'
  ],
  options: {
    config: { type: 'string', short: 'c' },
    role: { type: 'string' },
    service: { type: 'string' },
    issuer: { type: 'string' },
    action: { type: 'string' },
    tenant: { type: 'string' },
    key: { type: 'string' },
    owner: { type: 'string' },
    absent: { type: 'boolean' },
    tag: { type: 'string', multiple: true },
    context: { type: 'string', multiple: true }
  },
  run: runExplain
}

const DENIED = 3

function runExplain(args: Arguments): Promise<number> {
  const { values } = args
  const identity = composeIdentity(
    configOf(args),
    () => new Date(),
    () => undefined
  )
  const { role, service, action, tenant } = values
  if (typeof role !== 'string' || typeof service !== 'string' || typeof action !== 'string' || typeof tenant !== 'string') {
    throw new Error('name --role, --service, --action and --tenant')
  }
  const policies = identity.policiesOf(role)
  if (policies === null) throw new Error(`there is no role ${role}; there are ${[...identity.roles.keys()].join(', ')}`)
  const issuer =
    typeof values['issuer'] === 'string' ? values['issuer'] : (identity.issuers.all.find(({ isDefault }) => isDefault)?.id ?? '')
  const owner = identity.ownerOf(issuer, service)
  if (owner === null)
    throw new Error(`there is no issuer ${JSON.stringify(issuer)}; there are ${identity.issuers.all.map(({ id }) => id).join(', ')}`)
  const context = new Map<ContextKey, readonly string[]>([
    ['sluice:Service', [owner]],
    ['sluice:Issuer', [issuer]],
    ['sluice:Role', [role]],
    ['sluice:Tenant', [tenant]],
    ['aws:CurrentTime', [new Date().toISOString()]],
    ['aws:SourceIp', ['127.0.0.1']],
    ['aws:SecureTransport', ['true']]
  ])
  const [, namespace, serviceAccount] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(service) ?? []
  if (namespace !== undefined) context.set('sluice:Namespace', [namespace])
  if (serviceAccount !== undefined) context.set('sluice:ServiceAccount', [serviceAccount])
  for (const [name, value] of pairs(values['context'], '--context')) context.set(name as ContextKey, [value])
  const resource = `arn:aws:s3:::${tenant}${typeof values['key'] === 'string' ? `/${values['key']}` : ''}`
  const object = objectOf(args)
  const explanation = explain(policies, { action, resource, context }, object === undefined ? {} : { object })
  process.stdout.write(`${explainLines(explanation).join('\n')}\n`)
  return Promise.resolve(explanation.decision.effect === 'allow' ? 0 : DENIED)
}

function objectOf({ values }: Arguments): ObjectFacts | null | undefined {
  if (values['absent'] === true) return null
  return typeof values['owner'] === 'string' ? { owner: values['owner'], tags: new Map(pairs(values['tag'], '--tag')) } : undefined
}

function pairs(given: unknown, option: string): readonly (readonly [string, string])[] {
  return (Array.isArray(given) ? (given as string[]) : []).map((pair) => {
    const equals = pair.indexOf('=')
    if (equals < 1) throw new Error(`${option} takes NAME=VALUE, not ${JSON.stringify(pair)}`)
    return [pair.slice(0, equals), pair.slice(equals + 1)]
  })
}
