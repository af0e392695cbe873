import type { ParseArgsConfig } from 'node:util'
import { openAdministration } from './administration.ts'
import { configOfText, configTextOf } from './config-file.ts'
import { serve } from './serve.ts'
import { readMigrationFiles } from '../database/migration-files.ts'
import { explainCommand } from './explain.ts'
import { accessKeyCommand } from './access-keys.ts'
import { keysCommand } from './keys.ts'
import { devCommand, tokenCommand } from './dev-commands.ts'
import { revokeCommand } from './revoke.ts'
import { checkSidecar, sidecarCommand } from './sidecar.ts'
import { composeIdentity } from '../compose/identity.ts'
import { refuseKnownHeaders } from '../compose/compose.ts'
import { connection, layoutOf } from '../compose/database.ts'
import { describeConfig, settingsHelp, sidecarSettingsHelp } from '../config/describe.ts'
import type { Config } from '../config/config.ts'
import { assign, listAssignments, loadSnapshot } from '../database/assignments.ts'
import { connect } from '../database/connect.ts'
import { createRoles, migrate } from '../database/migrate.ts'
import { readKeyRing } from '../identity/key-ring.ts'

export interface Arguments {
  readonly values: Readonly<Record<string, unknown>>
  readonly positionals: readonly string[]
}

export interface Command {
  readonly summary: string
  readonly usage: string
  readonly help: readonly string[]
  readonly options: NonNullable<ParseArgsConfig['options']>
  /** Resolves with the exit code. */
  run(args: Arguments): Promise<number>
}

const CONFIG_OPTION = { config: { type: 'string', short: 'c' } } as const
const CONFIG_HELP = '--config FILE    sluice.yaml (default: SLUICE_CONFIG, else ./sluice.yaml); SLUICE_* variables stand over it'

/** Every command there is. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  [
    'serve',
    { summary: 'Runs the proxy.', usage: '[--config FILE]', help: [CONFIG_HELP], options: CONFIG_OPTION, run: (args) => serve(args) }
  ],
  ['sidecar', sidecarCommand],
  ['dev', devCommand],
  ['token', tokenCommand],
  [
    'check-config',
    {
      summary: 'Reads the configuration, reports every problem at once, and prints what holds without secrets.',
      usage: '[--config FILE] [--settings] [--sidecar]',
      help: [CONFIG_HELP, '--settings       prints every setting there is', '--sidecar        reads FILE as the sidecar.yaml of a sidecar'],
      options: { ...CONFIG_OPTION, settings: { type: 'boolean' }, sidecar: { type: 'boolean' } },
      run: checkConfig
    }
  ],
  [
    'migrate',
    {
      summary: 'Brings the database schema to this release, logged in as SLUICE_MIGRATION_URL or database.directUrl.',
      usage: '[--config FILE] [--create-roles]',
      help: [
        CONFIG_HELP,
        '--create-roles   first creates the two roles and the schema; needs an administrator',
        'SLUICE_MIGRATION_URL   a login that is granted sluice_owner'
      ],
      options: { ...CONFIG_OPTION, 'create-roles': { type: 'boolean' } },
      run: runMigrate
    }
  ],
  [
    'assign',
    {
      summary: 'Gives a tenant an account and a bucket of its own; refused when it has data elsewhere.',
      usage: 'TENANT --account ID --bucket NAME [--adopt] [--config FILE]',
      help: [CONFIG_HELP, "--adopt          the whole bucket is the tenant's, its keys without prefix"],
      options: { ...CONFIG_OPTION, account: { type: 'string' }, bucket: { type: 'string' }, adopt: { type: 'boolean' } },
      run: runAssign
    }
  ],
  [
    'tenants',
    {
      summary: 'Lists recorded tenants and where they live.',
      usage: '[--config FILE] [--json]',
      help: [CONFIG_HELP],
      options: { ...CONFIG_OPTION, json: { type: 'boolean' } },
      run: listTenants
    }
  ],
  [
    'ensure-buckets',
    {
      summary: 'Creates the buckets of the shared account that are not there; never changes or deletes one.',
      usage: '[--config FILE]',
      help: [CONFIG_HELP],
      options: CONFIG_OPTION,
      run: ensureBuckets
    }
  ],
  ['keys', keysCommand],
  ['key', accessKeyCommand],
  ['revoke', revokeCommand],
  ['explain', explainCommand]
])

/** The configuration that a command was told to use. */
export function configOf(args: Arguments): Config {
  return configOfText(configTextOf(args))
}

// Under npm one Ctrl-C comes twice: from the terminal, which signals the whole group, and passed on by npm.
const SAME_SIGNAL_MS = 500

/** Resolves at the first SIGTERM or SIGINT; another one, later, hurries. */
export function untilSignalled(hurry: () => void): Promise<void> {
  return new Promise((resolve) => {
    let signalledAt: number | null = null
    const onSignal = (): void => {
      const now = performance.now()
      if (signalledAt !== null && now - signalledAt > SAME_SIGNAL_MS) hurry()
      signalledAt ??= now
      resolve()
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}

function checkConfig(args: Arguments): Promise<number> {
  if (args.values['settings'] === true) {
    process.stdout.write(`${args.values['sidecar'] === true ? sidecarSettingsHelp() : settingsHelp()}\n`)
    return Promise.resolve(0)
  }
  if (args.values['sidecar'] === true) return Promise.resolve(checkSidecar(args))
  const config = configOf(args)
  // What a file names is read only by what uses it: policies, roles and the key ring are judged here as `serve` would judge them.
  const identity = composeIdentity(
    config,
    () => new Date(),
    () => undefined
  )
  refuseKnownHeaders(config)
  if (config.sealing.keysFile !== null) readKeyRing(config.sealing.keysFile.reveal())
  process.stdout.write(describeConfig(config))
  for (const warning of identity.policyWarnings) process.stderr.write(`warning: ${warning}\n`)
  return Promise.resolve(0)
}

async function runMigrate(args: Arguments): Promise<number> {
  const { migrations, roles } = await readMigrationFiles()
  const own = process.env['SLUICE_MIGRATION_URL']
  const options = connection(configOf(args), { connectionsMax: 1, direct: true })
  const sql = connect(own === undefined ? options : { ...options, url: own, pooled: false })
  try {
    if (args.values['create-roles'] === true) {
      await createRoles(sql, roles)
      process.stdout.write('roles sluice_owner and sluice_runtime and schema sluice are there\n')
    }
    const applied = await migrate(sql, {
      migrations,
      onApplied: ({ version, name }) => process.stdout.write(`applied ${version} ${name}\n`)
    })
    process.stdout.write(applied.length === 0 ? 'the schema is up to date\n' : `${applied.length} migrations applied\n`)
    return 0
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function runAssign(args: Arguments): Promise<number> {
  const [tenant] = args.positionals
  const { account, bucket } = args.values
  if (tenant === undefined || typeof account !== 'string' || typeof bucket !== 'string') {
    throw new Error('name the tenant, --account and --bucket: npx sluice assign TENANT --account ID --bucket NAME')
  }
  const config = configOf(args)
  if (!config.accounts.some(({ id }) => id === account))
    throw new Error(`account ${account} is not configured; there are ${config.accounts.map(({ id }) => id).join(', ')}`)
  const administration = openAdministration(config)
  try {
    const outcome = await assign(administration.run, {
      tenant,
      account,
      upstreamBucket: bucket,
      adopt: args.values['adopt'] === true,
      shared: layoutOf(config),
      hasData: (place) => administration.hasData(place)
    })
    process.stdout.write(
      outcome === 'assigned'
        ? `tenant ${tenant} lives in bucket ${bucket} of account ${account}\n`
        : `tenant ${tenant} already lives there\n`
    )
    return 0
  } finally {
    await administration.close()
  }
}

async function listTenants(args: Arguments): Promise<number> {
  const administration = openAdministration(configOf(args))
  try {
    const { tenants } = await loadSnapshot(administration.run)
    const places = new Map((await listAssignments(administration.run)).map((place) => [place.tenant, place]))
    if (args.values['json'] === true) {
      process.stdout.write(
        `${JSON.stringify(tenants.map(({ tenant, createdAt }) => ({ tenant, createdAt, place: places.get(tenant) ?? null })))}\n`
      )
      return 0
    }
    for (const { tenant, createdAt } of tenants) {
      const place = places.get(tenant)
      process.stdout.write(
        `${tenant}  ${createdAt.toISOString()}  ${place === undefined ? 'shared' : `${place.account}/${place.upstreamBucket}/${place.keyPrefix}`}\n`
      )
    }
    return 0
  } finally {
    await administration.close()
  }
}

async function ensureBuckets(args: Arguments): Promise<number> {
  const administration = openAdministration(configOf(args))
  try {
    const done = await administration.ensureBuckets(({ bucket, state }, index, count) =>
      process.stdout.write(`[${index + 1}/${count}] ${bucket} ${state}\n`)
    )
    if (done.length === 0) process.stdout.write('no account is marked shared: there is nothing to create\n')
    return 0
  } finally {
    await administration.close()
  }
}
