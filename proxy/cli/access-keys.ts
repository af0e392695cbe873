import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { configOf, type Arguments, type Command } from './commands.ts'
import { parseDays } from './days.ts'
import { connection } from '../compose/database.ts'
import { composeIdentity } from '../compose/identity.ts'
import type { Config } from '../config/config.ts'
import { insertAccessKey, listAccessKeys, revokeAccessKey } from '../database/access-keys.ts'
import { openPool, type Run } from '../database/connect.ts'
import { ACCESS_KEY_ID_RANDOM_BYTES, formatAccessKeyId } from '../identity/access-key-id.ts'
import { accessKeySecret, serviceAccountOf } from '../identity/access-keys.ts'
import { readKeyRing, type RingKey } from '../identity/key-ring.ts'
import { roleByRule } from '../identity/roles.ts'

export const accessKeyCommand: Command = {
  summary: 'Makes, lists and revokes access keys, for clients that can do nothing else than hold one.',
  usage: 'create --subject SUBJECT --tenants ID,… --expires DAYS [--issuer ID] [--note TEXT] | list [--json] | revoke ID [--config FILE]',
  help: [
    '--subject SUBJECT   e.g. system:serviceaccount:billing:backup: whose objects they are; its role is that of the issuer’s rules',
    '--tenants ID,…      tenants and patterns; they only narrow what the role names',
    '--expires DAYS      1 to 3650',
    '--issuer ID         the default issuer when left out',
    'The secret is shown once, by create, and stored nowhere. A revoked key stops within a second on every replica.'
  ],
  options: {
    config: { type: 'string', short: 'c' },
    subject: { type: 'string' },
    tenants: { type: 'string' },
    expires: { type: 'string' },
    issuer: { type: 'string' },
    note: { type: 'string' },
    json: { type: 'boolean' }
  },
  run: runAccessKeys
}

const TENANT_PATTERN = /^[a-z0-9.*?-]{1,63}$/

async function runAccessKeys(args: Arguments): Promise<number> {
  const config = configOf(args)
  const [what, id] = args.positionals
  const pool = openPool(connection(config, { connectionsMax: 1, direct: true }))
  try {
    if (what === 'create') return await create(pool.run, config, args)
    if (what === 'list') return await list(pool.run, args.values['json'] === true)
    if (what === 'revoke' && id !== undefined) return await revoke(pool.run, id)
    throw new Error('say what to do: npx sluice key create, key list, or key revoke ID')
  } finally {
    await pool.close()
  }
}

async function create(run: Run, config: Config, { values }: Arguments): Promise<number> {
  const { issuer, subject, tenants } = ownerOf(config, values)
  const expiresAt = parseDays(values['expires'], { fallback: null, now: new Date() })
  const sealer = activeKey(config)
  const accessKeyId = formatAccessKeyId({ kid: sealer.kid, random: randomBytes(ACCESS_KEY_ID_RANDOM_BYTES) })
  const note = typeof values['note'] === 'string' ? values['note'] : ''
  await insertAccessKey(run, { accessKeyId, kid: sealer.kid, issuer, subject, tenants, note, expiresAt })
  const secretAccessKey = accessKeySecret(sealer.keys['access-key'], accessKeyId)
  process.stdout.write(
    values['json'] === true
      ? `${JSON.stringify({ accessKeyId, secretAccessKey, issuer, subject, tenants, expiresAt })}\n`
      : `access key id      ${accessKeyId}\nsecret access key  ${secretAccessKey}\nexpires            ${expiresAt.toISOString()}\n` +
          'The secret is not stored and cannot be shown again.\n'
  )
  return 0
}

function ownerOf(config: Config, values: Arguments['values']): { issuer: string; subject: string; tenants: readonly string[] } {
  const { subject } = values
  if (typeof subject !== 'string' || typeof values['tenants'] !== 'string') throw new Error('name --subject, --tenants and --expires')
  const issuer = config.issuers.find(({ id, default: isDefault }) => (values['issuer'] === undefined ? isDefault : id === values['issuer']))
  if (issuer === undefined) throw new Error(`--issuer must be one of ${config.issuers.map(({ id }) => id).join(', ')}`)
  const account = serviceAccountOf(subject)
  if (account === null) throw new Error('--subject must have the form system:serviceaccount:<namespace>:<name>')
  const { issuers } = composeIdentity(
    config,
    () => new Date(),
    () => undefined
  )
  // Such a key would be refused at every request.
  if (roleByRule(issuers.find(issuer.id)?.roleRules ?? [], { issuer: issuer.id, ...account }) === null)
    throw new Error(`no role rule of issuer ${issuer.id} matches ${subject}: give it one first (issuers[].roles)`)
  const tenants = values['tenants'].split(',').map((tenant) => tenant.trim())
  for (const tenant of tenants) {
    if (!TENANT_PATTERN.test(tenant)) throw new Error(`${JSON.stringify(tenant)} is neither a tenant id nor a pattern of * and ?`)
  }
  return { issuer: issuer.id, subject, tenants }
}

/** The key that is active in the file now, which may be newer than what the configuration was read with. */
function activeKey(config: Config): RingKey {
  const path = config.sealing.keysFile?.file ?? null
  if (path === null) throw new Error('sealing.keysFile is not set: a key of a ring that is made up would end with its process')
  return readKeyRing(readFileSync(path, 'utf8')).active
}

async function list(run: Run, asJson: boolean): Promise<number> {
  const keys = await listAccessKeys(run)
  if (asJson) {
    process.stdout.write(`${JSON.stringify(keys)}\n`)
    return 0
  }
  for (const { accessKeyId, issuer, subject, tenants, expiresAt, revokedAt, note } of keys) {
    const state = revokedAt !== null ? `revoked ${revokedAt.toISOString()}` : `expires ${expiresAt.toISOString()}`
    process.stdout.write(`${accessKeyId}  ${issuer}  ${subject}  ${tenants.join(',')}  ${state}  ${note}\n`)
  }
  return 0
}

async function revoke(run: Run, accessKeyId: string): Promise<number> {
  if (!(await revokeAccessKey(run, accessKeyId))) throw new Error(`there is no access key ${accessKeyId} that is not revoked already`)
  process.stdout.write(`${accessKeyId} is revoked\n`)
  return 0
}
