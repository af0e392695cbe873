import { readFile, writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { listKeys } from '../../../proxy/identity/key-ring-file.ts'
import { startReplicas, TENANT, until, type Credentials } from './two-replicas.ts'

const replicas = await startReplicas()
t.teardown(() => replicas.stop())
const { urls, sluice, command, use } = replicas
const SUBJECT = 'system:serviceaccount:shop:orders'

/** Fails unless both replicas refuse, and nothing of the refused requests reached the upstream. */
async function refusedEverywhere(t: Test, credentials: Credentials, code: string): Promise<void> {
  for (const url of urls) t.comment(`refused after ${Math.round(await until(code, () => use(url, credentials)))} ms`)
  const before = replicas.store.requests.all.length
  for (const url of urls) t.equal(await use(url, credentials), code)
  t.equal(replicas.store.requests.all.length, before, 'nothing reached the upstream')
}

t.test('a revoked session is refused by every replica, and others of its subject are not', async (t) => {
  const [leaked, other] = [await replicas.session('shop/orders'), await replicas.session('shop/orders')]
  for (const url of urls) t.equal(await use(url, leaked), 'OK')
  t.match(await sluice('revoke', 'session', leaked.session, '--reason', 'leaked'), { code: 0, out: /is revoked until/ })
  await refusedEverywhere(t, leaked, 'AccessDenied')
  for (const url of urls) t.equal(await use(url, other), 'OK')
  t.match(await command('revoke', 'list'), { out: new RegExp(`session ${leaked.session} .*leaked`) })
  t.equal((await command('revoke', 'session', leaked.session, '--lift')).code, 0)
  for (const url of urls) await until('OK', () => use(url, leaked))
})

t.test('a revoked subject is refused whichever way it comes in, and gets no new session', async (t) => {
  const session = await replicas.session('shop/orders')
  const token = await replicas.token('shop/orders')
  const get = (): Promise<string> =>
    fetch(`${urls[1]}/${TENANT}?list-type=2`, { headers: { authorization: `Bearer ${token}` } }).then((reply) => String(reply.status))
  t.equal(await get(), '200')
  t.equal((await command('revoke', 'subject', SUBJECT)).code, 0)
  await refusedEverywhere(t, session, 'AccessDenied')
  t.equal(await get(), '403', 'a token that was proven before is refused too')
  await t.rejects(replicas.session('shop/orders'), /InvalidIdentityToken/)
  t.equal(await use(urls[0], await replicas.session('shop/billing')), 'OK')
  t.equal((await command('revoke', 'subject', SUBJECT, '--lift')).code, 0)
  for (const url of urls) await until('OK', () => use(url, session))
})

t.test('a session is refused by its access key id too', async (t) => {
  const leaked = await replicas.session('shop/orders')
  t.equal((await command('revoke', 'key', leaked.accessKeyId)).code, 0)
  await refusedEverywhere(t, leaked, 'AccessDenied')
})

t.test('an entry whose time is over has no effect', async (t) => {
  const session = await replicas.session('shop/orders')
  await replicas.database.asAdmin()`INSERT INTO sluice.revocations (kind, value, expires_at)
    VALUES ('session', ${session.session}, now() - interval '1 second')`
  for (const url of urls) t.equal(await use(url, session), 'OK')
})

for (const { why, args, says } of [
  { why: 'a kind that is none', args: ['user', 'x'], says: /KIND is session, subject, pod, service-account, key/ },
  { why: 'nothing', args: [], says: /KIND is/ },
  { why: 'an issuer of a session', args: ['session', 'x', '--issuer', 'dev'], says: /for subjects only/ },
  { why: 'an issuer that is not configured', args: ['subject', 'x', '--issuer', 'prod'], says: /must be one of dev/ },
  { why: 'days that are none', args: ['session', 'x', '--days', '0'], says: /whole number from 1/ },
  { why: 'the lifting of what is not revoked', args: ['session', 'never', '--lift'], says: /is not revoked/ }
]) {
  t.test(`the command refuses ${why}`, async (t) => {
    t.match(await command('revoke', ...args), { code: 1, err: says })
  })
}

t.test('an access key signs without a token, for its tenants alone, until it is revoked', async (t) => {
  const made = await command('key', 'create', '--subject', SUBJECT, '--tenants', `${TENANT},team-*`, '--expires', '30', '--json')
  t.equal(made.code, 0)
  const key = JSON.parse(made.out) as Credentials
  const { accessKeyId, secretAccessKey } = key
  for (const url of urls) await until('OK', () => use(url, { accessKeyId, secretAccessKey }))
  t.equal(await use(urls[0], { accessKeyId, secretAccessKey }, 'team-blue'), 'OK')
  const owned = replicas.store.bucketNames().flatMap((bucket) => [...replicas.store.objects(bucket).keys()])
  t.ok(owned.includes(`${TENANT}/used/${accessKeyId}`))

  const before = replicas.store.requests.all.length
  t.equal(await use(urls[0], { accessKeyId, secretAccessKey }, 'tenant-two'), 'AccessDenied', 'the role names it, the key does not')
  t.equal(await use(urls[0], { accessKeyId, secretAccessKey: 'guess' }), 'SignatureDoesNotMatch')
  const { sessionToken = '' } = await replicas.session('shop/orders')
  t.equal(await use(urls[0], { accessKeyId, secretAccessKey, sessionToken }), 'InvalidAccessKeyId')
  t.equal(replicas.store.requests.all.length, before, 'nothing reached the upstream')

  const stored = JSON.stringify(await replicas.database.asAdmin()`SELECT * FROM sluice.access_keys`)
  t.ok(stored.includes(accessKeyId))
  t.notOk(stored.includes(secretAccessKey), 'the secret is stored nowhere')
  t.match(await command('key', 'list'), { out: new RegExp(`${accessKeyId}  dev  ${SUBJECT}  ${TENANT},team-`) })
  t.notMatch((await command('key', 'list')).out, secretAccessKey)

  t.equal((await command('key', 'revoke', accessKeyId)).code, 0)
  await refusedEverywhere(t, { accessKeyId, secretAccessKey }, 'InvalidAccessKeyId')
  t.match(await command('key', 'revoke', accessKeyId), { code: 1, err: /not revoked already/ })
})

t.test('an access key that has expired is refused', async (t) => {
  const made = await command('key', 'create', '--subject', SUBJECT, '--tenants', '*', '--expires', '1', '--json')
  const { accessKeyId, secretAccessKey } = JSON.parse(made.out) as Credentials
  for (const url of urls) await until('OK', () => use(url, { accessKeyId, secretAccessKey }))
  await replicas.database.asAdmin()`UPDATE sluice.access_keys SET expires_at = now() WHERE access_key_id = ${accessKeyId}`
  await refusedEverywhere(t, { accessKeyId, secretAccessKey }, 'ExpiredToken')
})

for (const { why, args, says } of [
  { why: 'without tenants', args: ['--subject', SUBJECT, '--expires', '1'], says: /name --subject, --tenants and --expires/ },
  { why: 'without end', args: ['--subject', SUBJECT, '--tenants', 'a'], says: /how many days/ },
  { why: 'for a person', args: ['--subject', 'alice', '--tenants', 'a', '--expires', '1'], says: /system:serviceaccount/ },
  {
    why: 'for a tenant that cannot be',
    args: ['--subject', SUBJECT, '--tenants', 'A B', '--expires', '1'],
    says: /neither a tenant id nor/
  },
  {
    why: 'of an issuer that is none',
    args: ['--subject', SUBJECT, '--tenants', 'a', '--expires', '1', '--issuer', 'x'],
    says: /one of dev/
  }
]) {
  t.test(`an access key ${why} is not made`, async (t) => {
    t.match(await command('key', 'create', ...args), { code: 1, err: says })
  })
}

t.test('the sealing key rotates with nobody logged out, and is not retired while anything depends on it', async (t) => {
  const session = await replicas.session('shop/orders')
  const before = await command('keys', 'rotate')
  const old = /^([0-9a-f]{8}) {2}active$/m.exec(before.out)?.[1] ?? ''
  const added = /^added ([0-9a-f]{8})/.exec((await command('keys', 'rotate', '--add')).out)?.[1] ?? ''
  t.match(await command('keys', 'rotate', '--activate', added), { code: 0, out: new RegExp(`${old}  accept\\n${added}  active`) })
  const kidOf = async (): Promise<string> => (await replicas.session('shop/orders')).accessKeyId.slice(4, 12).toLowerCase()
  await until(added, kidOf)
  for (const url of urls) {
    t.equal(await use(url, session), 'OK', 'what the old key has sealed still opens')
    await until('OK', async () => use(url, await replicas.session('shop/orders')))
  }
  t.match(await command('keys', 'rotate', '--retire', old), { code: 1, err: /sessions that it sealed may live until/ })
  t.match(await command('keys', 'rotate', '--retire', added), { code: 1, err: /activate another first/ })

  const admin = replicas.database.asAdmin()
  await admin`UPDATE sluice.sealing_keys SET active_at = now() - interval '13 hours' WHERE kid = ${old}`
  await admin`INSERT INTO sluice.uploads (account, bucket, upload_id, tenant, key, owner, nonce, created_at)
    VALUES ('main', 'b', 'u', ${TENANT}, 'k', 'o', 'n', now() - interval '14 hours')`
  await admin`UPDATE sluice.access_keys SET revoked_at = NULL, expires_at = now() + interval '1 day'`
  const refused = await command('keys', 'rotate', '--retire', old)
  t.match(refused, { code: 1, err: /access keys are derived with it/ })
  t.match(refused.err, /1 open uploads may have an id that it sealed/)
  await admin`DELETE FROM sluice.uploads`
  await admin`UPDATE sluice.access_keys SET revoked_at = now()`
  t.match(await command('keys', 'rotate', '--retire', old), { code: 0, out: /retired/ })
  await refusedEverywhere(t, session, 'ExpiredToken')
})

t.test('a new ring is written once, and never over one that is there', async (t) => {
  const file = `${replicas.ringFile}.made`
  t.match(await command('keys', 'new', file), { code: 0, out: /wrote/ })
  t.equal(listKeys(await readFile(file, 'utf8')).length, 1)
  t.match(await command('keys', 'new', file), { code: 1, err: /EEXIST/ })
})

t.test('a ring that cannot be read leaves the last good one in use', async (t) => {
  const session = await replicas.session('shop/orders')
  const good = await readFile(replicas.ringFile, 'utf8')
  await writeFile(replicas.ringFile, '[{"kid": "half')
  t.equal(await use(urls[0], session), 'OK')
  await writeFile(replicas.ringFile, good)
  t.equal(await use(urls[1], session), 'OK')
})
