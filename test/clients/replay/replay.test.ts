import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test, type Test } from 'tap'
import { startPostgres } from '../../helpers/postgres.ts'
import { startSluice, type SluiceOptions, type TestSluice } from '../../helpers/sluice.ts'
import { plainMetadata } from '../encoded-words.ts'
import { checkStore } from '../run-steps.ts'
import { CONVERSATIONS } from './conversations.ts'
import { Replayer } from './rig.ts'
import { UPLOADS } from './uploads.ts'

const MINIO = process.env['SLUICE_TEST_MINIO']

const SETTINGS: readonly { readonly title: string; readonly options: SluiceOptions }[] =
  MINIO === undefined
    ? [
        { title: 'a store like AWS', options: { provider: 'aws' } },
        { title: 'a store like MinIO, by the mark alone', options: { provider: 'minio', ownership: 'metadata' } }
      ]
    : [{ title: 'MinIO', options: { store: { minio: MINIO }, provider: 'minio' } }]

test('requests of other clients', { timeout: 120_000 }, async (t) => {
  const postgres = await startPostgres()
  t.teardown(() => postgres.stop())
  for (const { title, options } of SETTINGS) {
    await t.test(title, async (t) => {
      const sluice = await startSluice({ ...options, postgres })
      t.teardown(() => sluice.stop())
      const as = new Replayer(sluice.s3Port, await sluice.session('shop/orders'))
      for (const tenant of Object.values(sluice.tenants)) {
        await replayUploads(t, as, tenant)
        for (const { client, does, run } of CONVERSATIONS) await t.test(`${client} ${does}`, (t) => run({ t, as, tenant }))
      }
      await t.test('curl signs with version 4 and says nothing of the payload', (t) => runCurl(t, sluice))
      if (options.store === undefined) await checkStore(t, sluice)
    })
  }
})

async function replayUploads(t: Test, as: Replayer, tenant: string): Promise<void> {
  for (const [index, { client, does, data, request, shows = {}, refused }] of UPLOADS.entries()) {
    await t.test(`${client} ${does}`, async (t) => {
      const target = `/${tenant}/upload/${index}`
      // The second one is sent over what is there.
      for (const order of ['first', 'second']) {
        const stored = await as.send({ method: 'PUT', target, ...request(data) })
        if (refused === undefined) t.equal(stored.status, 200, `the ${order} is stored: ${stored.text}`)
        else t.match(stored, refused)
      }
      const got = await as.send({ method: 'GET', target, headers: [['x-amz-checksum-mode', 'ENABLED']] })
      if (refused !== undefined) return void t.match(got, { status: 404, code: 'NoSuchKey' })
      t.ok(got.body.equals(data), 'the same bytes come back')
      for (const [name, value] of Object.entries(shows)) t.equal(plainMetadata(got.header(name)), value ?? undefined, name)
    })
  }
}

async function runCurl(t: Test, sluice: TestSluice): Promise<void> {
  const { accessKeyId, secretAccessKey, sessionToken } = await sluice.session('shop/orders')
  const file = join(sluice.folder, 'by-curl')
  await writeFile(file, 'by curl')
  const signed = [
    '--aws-sigv4',
    'aws:amz:local:s3',
    '--user',
    `${accessKeyId}:${secretAccessKey}`,
    '-H',
    `x-amz-security-token: ${sessionToken}`
  ]
  const curl = (...args: string[]) => run('curl', ['-sS', '-w', '\n%{http_code}', ...signed, ...args])
  if ((await run('curl', ['--version'])) === null) return void t.pass('there is no curl here')
  const url = `${sluice.s3}/${sluice.tenants.shared}`
  t.match(await curl('-T', file, `${url}/probe/curl`), /200$/)
  t.equal(await curl(`${url}/probe/curl`), 'by curl\n200')
  t.match(await curl(`${url}?list-type=2&prefix=probe%2Fcurl`), '<Key>probe/curl</Key>')
  t.match(await curl('-X', 'DELETE', `${url}/probe/curl`), /204$/)
}

/** What the program wrote, or null where it is not there. */
async function run(command: string, args: readonly string[]): Promise<string | null> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<boolean>((resolve) => child.once('error', () => resolve(false)).once('close', () => resolve(true)))
  const out = await text(child.stdout).catch(() => '')
  return (await ended) ? out : null
}
