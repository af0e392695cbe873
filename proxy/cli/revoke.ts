import { configOf, type Arguments, type Command } from './commands.ts'
import { connection } from '../compose/database.ts'
import type { Config } from '../config/config.ts'
import { openPool, type Run } from '../database/connect.ts'
import { addRevocation, liftRevocation, loadRevocations } from '../database/revocations.ts'
import { REVOCATION_KINDS, type Revocation, type RevocationKind } from '../identity/revocations.ts'
import { parseDays } from './days.ts'

export const revokeCommand: Command = {
  summary: 'Cuts off a session, a subject, a pod, a service account or a key, on every replica at once.',
  usage: 'KIND VALUE [--issuer ID] [--days N] [--reason TEXT] [--lift] | list [--json] [--config FILE]',
  help: [
    `KIND           ${REVOCATION_KINDS.join(', ')}`,
    'VALUE          the session of the request log, the subject, the uid of the pod or the service account, the access key id',
    '--issuer ID    of a subject; the default issuer when left out',
    '--days N       how long (default 30, at most 3650); new tokens and sessions are refused as long',
    '--lift         lets it in again',
    'list           what is cut off now'
  ],
  options: {
    config: { type: 'string', short: 'c' },
    issuer: { type: 'string' },
    days: { type: 'string' },
    reason: { type: 'string' },
    lift: { type: 'boolean' },
    json: { type: 'boolean' }
  },
  run: runRevoke
}

const DAYS_DEFAULT = 30
const VALUE = /^[\x21-\x7e]{1,512}$/

async function runRevoke(args: Arguments): Promise<number> {
  const config = configOf(args)
  const pool = openPool(connection(config, { connectionsMax: 1, direct: true }))
  try {
    return args.positionals[0] === 'list' ? await list(pool.run, args) : await revoke(pool.run, config, args)
  } finally {
    await pool.close()
  }
}

async function list(run: Run, { values }: Arguments): Promise<number> {
  const entries = await loadRevocations(run)
  if (values['json'] === true) process.stdout.write(`${JSON.stringify(entries)}\n`)
  else for (const entry of entries) process.stdout.write(`${nameOf(entry)}  until ${entry.expiresAt.toISOString()}  ${entry.reason}\n`)
  return 0
}

async function revoke(run: Run, config: Config, args: Arguments): Promise<number> {
  const { values } = args
  const target = targetOf(config, args)
  if (values['lift'] === true) {
    if (!(await liftRevocation(run, target))) throw new Error(`${nameOf(target)} is not revoked`)
    process.stdout.write(`${nameOf(target)} is let in again\n`)
    return 0
  }
  const expiresAt = parseDays(values['days'], { fallback: DAYS_DEFAULT, now: new Date() })
  const reason = typeof values['reason'] === 'string' ? values['reason'] : ''
  await addRevocation(run, { ...target, reason, expiresAt })
  process.stdout.write(`${nameOf(target)} is revoked until ${expiresAt.toISOString()}\n`)
  return 0
}

function targetOf(config: Config, { values, positionals }: Arguments): Pick<Revocation, 'kind' | 'issuer' | 'value'> {
  const [kindName, value, ...more] = positionals
  const kind = REVOCATION_KINDS.find((candidate) => candidate === kindName)
  if (kind === undefined || value === undefined || more.length > 0)
    throw new Error(`say what: npx sluice revoke KIND VALUE, where KIND is ${REVOCATION_KINDS.join(', ')}`)
  if (!VALUE.test(value)) throw new Error('the value must be 1 to 512 printable characters without spaces')
  return { kind, issuer: issuerOf(kind, config, values['issuer']), value }
}

function issuerOf(kind: RevocationKind, config: Config, named: unknown): string {
  if (kind !== 'subject') {
    if (named !== undefined) throw new Error(`--issuer has a meaning for subjects only; a ${kind} is named by its value alone`)
    return ''
  }
  const ids = config.issuers.map(({ id }) => id)
  const issuer = typeof named === 'string' ? named : config.issuers.find((candidate) => candidate.default)?.id
  if (issuer === undefined || !ids.includes(issuer)) throw new Error(`--issuer must be one of ${ids.join(', ')}`)
  return issuer
}

const nameOf = ({ kind, issuer, value }: Pick<Revocation, 'kind' | 'issuer' | 'value'>): string =>
  issuer === '' ? `${kind} ${value}` : `${kind} ${value} of ${issuer}`
