import t from 'tap'
import { startPostgres, type TestPostgres } from '../../helpers/postgres.ts'
import { callerWith } from '../faults/caller.ts'
import { until } from '../faults/until.ts'
import { install, type Installation } from './installation.ts'
import type { Finished } from './process.ts'
import { sessionAt } from './session.ts'

const SHARED_TENANT = '7c9e6679-7425-40de-944b-e07fc1f90ae7'

let postgres: TestPostgres
let installed: Installation
let config: string
t.before(async () => {
  postgres = await startPostgres()
  installed = await install(postgres)
  config = await installed.write(installed.settings)
})
t.teardown(async () => {
  await installed.stop()
  await postgres.stop()
})

t.test('a configuration that is wrong is refused with every problem and its path, and nothing is started', async (t) => {
  const { settings } = installed
  const [main] = settings.accounts
  const wrong: readonly { what: string; settings: object; env?: Record<string, string>; says: readonly RegExp[] }[] = [
    {
      what: 'two accounts marked shared',
      settings: { ...settings, accounts: [main, { ...main, id: 'second' }] },
      says: [/accounts\[1\]\.shared: accounts\[0\] is marked shared already: only one can be/]
    },
    { what: 'an unknown key', settings: { ...settings, listener: {} }, says: [/listener: /, /listeners/] },
    {
      what: 'a missing secret',
      settings,
      env: { UPSTREAM_SECRET: '' },
      says: [/accounts\[0\]\.credentials\.secretAccessKey: .*UPSTREAM_SECRET/]
    },
    {
      what: 'all of these at once',
      settings: { ...settings, accounts: [main, { ...main, id: 'second' }], listener: {} },
      env: { UPSTREAM_SECRET: '' },
      says: [/only one can be/, /listener: /, /UPSTREAM_SECRET/]
    },
    {
      what: 'a policy that does not compile',
      settings: {
        ...settings,
        policies: { own: { Version: '2012-10-17', Statement: [{ Effect: 'Perhaps', Action: 's3:Get', Resource: '*' }] } }
      },
      says: [/policies\.own\.Statement\[0\]\.Effect: /]
    },
    {
      what: 'issuers, roles, trust and policies, each in several ways',
      settings: {
        ...settings,
        issuers: [
          { ...settings.issuers[0], audiences: ['https://issuer.example'], algorithms: ['HS256'], tokenReview: 'onExchange', roles: [] },
          { ...settings.issuers[0], id: 'auto', default: true, issuer: 'auto', apiServer: { url: 'http://api.example' } }
        ],
        roles: [
          { name: 'app', tenants: [], policies: ['editr', { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:Gt*' }] }] },
          { name: 'app', tenants: ['*'], maxSessionDuration: '600s', trust: [{ issuers: ['clustre'], namespaces: ['*'] }] },
          { name: 'other', tenants: ['*'], trust: [{ issuers: ['cluster'], namespaces: [] }] }
        ],
        policies: {
          admin: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
          own: { Version: '2012-10-17', Statement: [{ Effect: 'Perhaps', Action: 's3:GetObject', Resource: '*', Colour: 'red' }] }
        }
      },
      says: [
        /issuers\[0\]\.audiences\[0\]: must be the proxy's own/,
        /issuers\[0\]\.algorithms\[0\]: must be one of/,
        /issuers\[0\]\.apiServer\.tokenFile: file .* does not exist/,
        /issuers\[1\]\.apiServer\.url: must be https/,
        /issuers\[1\]\.default: issuers\[0\] is the default already/,
        /roles\[0\]\.tenants: is required/,
        /roles\[0\]\.policies\[0\]: "editr" is not a policy \(did you mean editor\?\)/,
        /roles\[0\]\.policies\[1\]\.Statement\[0\]/,
        /roles\[1\]\.name: app is the name of another role too/,
        /roles\[1\]\.maxSessionDuration: must be a time .*15m/,
        /roles\[1\]\.trust\[0\]\.issuers\[0\]: "clustre" is not the id of an issuer \(did you mean cluster\?\)/,
        /roles\[2\]\.trust\[0\]\.namespaces: needs at least 1/,
        /policies\.admin: is the name of a built-in policy/,
        /policies\.own\.Statement\[0\]\.Effect: /,
        /policies\.own\.Statement\[0\]\.Colour: /
      ]
    }
  ]
  const judge = (what: string, { code, stdout, stderr }: Finished, says: readonly RegExp[]): void => {
    t.equal(code, 1, what)
    t.equal(stdout, '', what)
    for (const sentence of says) t.match(stderr, sentence, what)
    t.notMatch(stderr, /\n {4}at /, 'sentences, no stack')
  }
  for (const { what, settings: changed, env = {}, says } of wrong) {
    judge(what, await installed.runInHere(['check-config', '--config', await installed.write(changed)], env), says)
  }
  const all = wrong.find(({ what }) => what.startsWith('all'))
  const path = await installed.write(all?.settings)
  const commands = ['check-config', 'serve']
  const finished = await Promise.all(commands.map((command) => installed.run([command, '--config', path], all?.env)))
  for (const [index, one] of finished.entries()) judge(`${commands[index]} as a process`, one, all?.says ?? [])
})

t.test('what a policy says that may surprise is told as a warning', async (t) => {
  const surprising = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Deny', Action: 's3:GetObject', Resource: 'arn:aws:s3:::*/${sluice:Namespace}/*' }]
  }
  const settings = { ...installed.settings, policies: { surprising } }
  const { code, stderr } = await installed.runInHere(['check-config', '--config', await installed.write(settings)])
  t.equal(code, 0, stderr)
  t.match(stderr, /^warning: policy surprising: .*sluice:Namespace/)
})

t.test('a configuration that is right is printed without its secrets', async (t) => {
  const { code, stdout } = await installed.runInHere(['check-config', '--config', config])
  t.equal(code, 0)
  t.match(stdout, /provider: aws/)
  t.match(stdout, /# account main: class A/)
  t.notMatch(stdout, /only-for-tests|sluice-test-upstream-secret/)
})

t.test('the command line', async (t) => {
  const explain = [
    'explain',
    '--config',
    config,
    '--role',
    'app',
    '--service',
    'system:serviceaccount:shop:orders',
    '--tenant',
    SHARED_TENANT
  ]
  const asked: readonly { args: readonly string[]; code: number; says: RegExp }[] = [
    { args: [], code: 0, says: /npx sluice serve/ },
    { args: ['help'], code: 0, says: /npx sluice ensure-buckets/ },
    { args: ['assign', '--help'], code: 0, says: /npx sluice assign TENANT/ },
    { args: ['sevre'], code: 2, says: /there is no command "sevre"/ },
    { args: ['serve', '--colour'], code: 1, says: /--colour/ },
    { args: ['serve', '--config', '/nowhere/sluice.yaml'], code: 1, says: /cannot read \/nowhere\/sluice\.yaml/ },
    {
      args: [...explain, '--action', 's3:GetObject', '--key', 'k', '--owner', 'system:serviceaccount:shop:orders'],
      code: 0,
      says: /allow/i
    },
    {
      args: [...explain, '--action', 's3:GetObject', '--key', 'k', '--owner', 'system:serviceaccount:shop:billing'],
      code: 3,
      says: /den/i
    },
    { args: [...explain, '--action', 's3:PutObject', '--key', 'k', '--absent'], code: 0, says: /allow/i }
  ]
  for (const { args, code, says } of asked) {
    const finished = await installed.runInHere(args)
    t.equal(finished.code, code, args.join(' '))
    t.match(finished.stdout + finished.stderr, says, args.join(' '))
  }
  await t.test('ends its process with the code of the command', async (t) => {
    const ended = await Promise.all([['sevre'], [...explain, '--action', 's3:DeleteBucketPolicy']].map((args) => installed.run(args)))
    t.same(
      ended.map(({ code }) => code),
      [2, 3]
    )
  })
})

t.test('migrate makes a database ready, once, and serve asks for it before', async (t) => {
  const admin = postgres.asAdmin()
  await admin.unsafe('CREATE DATABASE blank')
  const adminUrl = new URL(installed.database.adminUrl)
  adminUrl.pathname = '/blank'
  const runtimeUrl = new URL(installed.database.runtimeUrl)
  runtimeUrl.pathname = '/blank'
  const unready = await installed.run(['serve', '--config', config], { DATABASE_URL: runtimeUrl.href })
  t.equal(unready.code, 1)
  t.match(unready.stderr, /sluice migrate/)
  const env = { SLUICE_MIGRATION_URL: adminUrl.href, DATABASE_URL: runtimeUrl.href }
  const first = await installed.run(['migrate', '--create-roles', '--config', config], env)
  t.equal(first.code, 0, first.stderr)
  t.match(first.stdout, /migrations applied/)
  const second = await installed.runInHere(['migrate', '--config', config], env)
  t.equal(second.stdout, 'the schema is up to date\n')
})

t.test('ensure-buckets creates what is not there, and only that', async (t) => {
  installed.store.createBucket('shared-7')
  const first = await installed.run(['ensure-buckets', '--config', config])
  t.equal(first.code, 0, first.stderr)
  t.match(first.stdout, /\[8\/16\] shared-7 present\n\[9\/16\] shared-8 created\n/)
  t.equal(installed.store.bucketNames().length, 16)
  const changed = installed.store.requests.of('CreateBucket').length
  const second = await installed.runInHere(['ensure-buckets', '--config', config])
  t.equal((second.stdout.match(/ present\n/g) ?? []).length, 16)
  t.equal(installed.store.requests.of('CreateBucket').length, changed)
})

t.test('a tenant is given a place of its own only while it has nothing elsewhere', async (t) => {
  const assign = (tenant: string, bucket: string, more: readonly string[] = []) =>
    installed.runInHere(['assign', tenant, '--account', 'main', '--bucket', bucket, ...more, '--config', config])
  const serving = await installed.serve(config)
  const caller = callerWith(
    { s3: serving.s3, tenants: { shared: SHARED_TENANT, dedicated: 'acme-archive' } },
    await sessionAt(serving.s3, await installed.token('shop/orders'))
  )
  t.teardown(async () => {
    caller.stop()
    serving.kill('SIGKILL')
    await serving.finished
  })
  await t.test('with an object in the shared account it is refused', async (t) => {
    t.equal((await caller.send({ method: 'PUT', key: 'k', body: 'data' })).status, 200)
    const args = ['assign', SHARED_TENANT, '--account', 'main', '--bucket', 'elsewhere', '--config', config]
    const { code, stdout, stderr } = await installed.run(args)
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(
      stderr,
      /^sluice assign: tenant 7c9e6679-7425-40de-944b-e07fc1f90ae7 has objects or open uploads in account main: move them, then assign\n$/
    )
  })
  await t.test('and without one it is given, and requests go there at once', async (t) => {
    installed.store.createBucket('archive')
    t.match(await assign('acme-archive', 'archive'), { code: 0, stdout: 'tenant acme-archive lives in bucket archive of account main\n' })
    t.match(await assign('acme-archive', 'archive'), { code: 0, stdout: 'tenant acme-archive already lives there\n' })
    await until('its objects land in its bucket', async () => {
      await caller.send({ method: 'PUT', bucket: 'acme-archive', key: 'k', body: 'data' })
      return installed.store.objects('archive').has('acme-archive/k')
    })
    t.match(await assign('acme-archive', 'other'), { code: 1, stderr: /has objects or open uploads in account main/ })
  })
  await t.test('and mistakes are sentences', async (t) => {
    t.match(await installed.runInHere(['assign', 'acme', '--account', 'nope', '--bucket', 'b', '--config', config]), {
      code: 1,
      stderr: /account nope is not configured; there are main\n/
    })
    t.match(await assign('UPPER', 'b'), { code: 1, stderr: /UPPER cannot be a tenant/ })
    t.match(await assign('adopter', 'shared-1', ['--adopt']), { code: 1, stderr: /holds shared tenants and cannot be adopted whole/ })
    t.match(await installed.runInHere(['assign', 'acme', '--config', config]), {
      code: 1,
      stderr: /name the tenant, --account and --bucket/
    })
  })
  await t.test('tenants lists who is recorded and where', async (t) => {
    const [text, json] = await Promise.all([
      installed.run(['tenants', '--config', config]),
      installed.run(['tenants', '--json', '--config', config])
    ])
    t.match(text.stdout, /^acme-archive {2}\S+ {2}main\/archive\/acme-archive\/\n$/)
    t.match(JSON.parse(json.stdout), [{ tenant: 'acme-archive', place: { account: 'main', upstreamBucket: 'archive' } }])
  })
})
