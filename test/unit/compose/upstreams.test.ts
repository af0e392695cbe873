import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { composeUpstreams } from '../../../proxy/compose/upstreams.ts'
import { readConfig, type Config } from '../../../proxy/config/config.ts'
import type { CredentialsEvent } from '../../../proxy/upstreams/credentials.ts'

const TOOLS = { now: () => new Date(), random: () => 0 }

function configWith(account: Record<string, unknown>): Config {
  return readConfig({
    yamlText: stringify({
      accounts: [{ id: 'main', provider: 'minio', endpoint: 'http://127.0.0.1:9000', ...account }],
      database: { url: 'postgres://nowhere.test/none' }
    }),
    env: {},
    readFile: (path) => readFileSync(path, 'utf8'),
    dev: true
  })
}

t.test('an account whose secret is in a file signs with the new one soon after the file was replaced', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-account-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'secret')
  writeFileSync(file, 'old\n')
  const { promise: told, resolve: tell } = Promise.withResolvers<CredentialsEvent>()
  const upstreams = composeUpstreams(configWith({ credentials: { accessKeyId: 'id', secretAccessKey: { file } } }), {
    ...TOOLS,
    onEvent: tell
  })
  const credentials = upstreams.accounts.get('main')?.credentials
  t.match(credentials?.take(), { accessKeyId: 'id', secretAccessKey: 'old' })
  upstreams.start()
  const alive = setInterval(() => undefined, 60_000)
  t.teardown(() => {
    clearInterval(alive)
    upstreams.close()
  })
  writeFileSync(file, 'new\n')
  t.match(await told, { account: 'main', result: 'loaded' })
  t.match(credentials?.take(), { accessKeyId: 'id', secretAccessKey: 'new' })
})

t.test('an account whose credentials are written outright has nothing to follow', async (t) => {
  const upstreams = composeUpstreams(configWith({ credentials: { accessKeyId: 'id', secretAccessKey: 's', sessionToken: 't' } }), {
    ...TOOLS,
    onEvent: () => t.fail('nothing happens')
  })
  const credentials = upstreams.accounts.get('main')?.credentials
  const pair = await credentials?.take()
  t.strictSame(pair, { accessKeyId: 'id', secretAccessKey: 's', sessionToken: 't' })
  t.equal(pair === undefined || (await credentials?.renew(pair)), false)
})
