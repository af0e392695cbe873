import { randomBytes } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { configOf, type Arguments, type Command } from './commands.ts'
import { connection } from '../compose/database.ts'
import { RECORD_MS } from '../compose/key-ring.ts'
import type { Config } from '../config/config.ts'
import { openPool } from '../database/connect.ts'
import { readSealingUse } from '../database/sealing-keys.ts'
import { KeyRingChangeRefused, listKeys, withActiveKey, withNewKey, withoutKey } from '../identity/key-ring-file.ts'
import { newKeyRingText } from '../identity/key-ring.ts'
import { SESSION_SECONDS_CAP } from '../identity/roles.ts'
import { SESSION_EXPIRY_LEEWAY_MS } from '../identity/session.ts'

export const keysCommand: Command = {
  summary: 'Makes and rotates the key ring: the keys that seal sessions, access keys and upload ids.',
  usage: 'new FILE | rotate [--add | --activate KID | --retire KID] [--file FILE] [--config FILE]',
  help: [
    'new FILE          writes a ring with one random key; never over a file that is there',
    'rotate            without a step: shows the keys. The steps, with all replicas following the file (a minute or two) between them:',
    '--add             a new key that opens and does not seal yet',
    '--activate KID    the key that seals from now on; what others have sealed still opens',
    '--retire KID      what the key has sealed opens no more; refused while sessions, access keys or open uploads may depend on it',
    '--file FILE       the ring; sealing.keysFile of the configuration when left out'
  ],
  options: {
    config: { type: 'string', short: 'c' },
    file: { type: 'string' },
    add: { type: 'boolean' },
    activate: { type: 'string' },
    retire: { type: 'string' }
  },
  run: runKeys
}

/** A replica that does not follow the file yet may seal with the old key, and may not have told the database. */
const GRACE_MS = RECORD_MS + 2 * 60_000

async function runKeys(args: Arguments): Promise<number> {
  const [what, file] = args.positionals
  if (what === 'new' && file !== undefined && args.positionals.length === 2) return newRing(file)
  if (what === 'rotate' && args.positionals.length === 1) return rotate(args)
  throw new Error('say what to do: npx sluice keys new FILE, or npx sluice keys rotate')
}

async function newRing(file: string): Promise<number> {
  // `wx` refuses a file that is there: writing over a ring would end every session that it sealed.
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(newKeyRingText(randomBytes))
    await handle.sync()
  } finally {
    await handle.close()
  }
  process.stdout.write(`wrote ${file}: one key. It is a secret, the same for all replicas.\n`)
  return 0
}

async function rotate(args: Arguments): Promise<number> {
  const { add, activate, retire } = args.values
  const steps = [add === true, typeof activate === 'string', typeof retire === 'string'].filter(Boolean).length
  if (steps > 1) throw new Error('one step at a time: all replicas must have followed before the next')
  const path = ringPath(args)
  const text = await readFile(path, 'utf8')
  if (add === true) {
    const made = withNewKey(text, randomBytes)
    await replaceFile(path, made.text)
    process.stdout.write(`added ${made.kid}. When every replica has read it: npx sluice keys rotate --activate ${made.kid}\n`)
  } else if (typeof activate === 'string') {
    await replaceFile(path, withActiveKey(text, activate))
    process.stdout.write(`${activate} seals from now on\n`)
  } else if (typeof retire === 'string') {
    const retired = withoutKey(text, retire)
    await refuseUsedKey(configOf(args), retire, new Date())
    await replaceFile(path, retired)
    process.stdout.write(`retired ${retire}: nothing that it has sealed opens any more\n`)
  }
  for (const { kid, state } of listKeys(await readFile(path, 'utf8'))) process.stdout.write(`${kid}  ${state}\n`)
  return 0
}

function ringPath(args: Arguments): string {
  const { file } = args.values
  const path = typeof file === 'string' ? file : configOf(args).sealing.keysFile?.file
  if (path === undefined || path === null) throw new Error('name the ring: --file FILE, or sealing.keysFile in the configuration')
  return path
}

/** Throws unless nothing that the key has sealed can still be in use. */
async function refuseUsedKey(config: Config, kid: string, now: Date): Promise<void> {
  const pool = openPool(connection(config, { connectionsMax: 1, direct: true }))
  try {
    const { activeAt, accessKeys, uploads } = await readSealingUse(pool.run, kid, GRACE_MS)
    const problems: string[] = []
    const lastEnd = activeAt === null ? 0 : activeAt.getTime() + GRACE_MS + SESSION_SECONDS_CAP * 1000 + SESSION_EXPIRY_LEEWAY_MS
    if (lastEnd > now.getTime()) problems.push(`sessions that it sealed may live until ${new Date(lastEnd).toISOString()}`)
    if (accessKeys > 0)
      problems.push(`${accessKeys} access keys are derived with it: let them expire, or revoke them (npx sluice key list)`)
    if (uploads > 0) problems.push(`${uploads} open uploads may have an id that it sealed: let them complete, or abort them`)
    if (problems.length > 0) throw new KeyRingChangeRefused(`key ${kid} is in use: ${problems.join('; ')}`)
  } finally {
    await pool.close()
  }
}

/** Exchanged whole, so that a proxy that reads meanwhile never reads half a ring. */
async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.new`
  const handle = await open(beside, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(beside, path)
}
