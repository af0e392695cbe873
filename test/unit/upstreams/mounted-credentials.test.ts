import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { CredentialsEvent, CredentialSource } from '../../../proxy/upstreams/credentials.ts'
import { mountedCredentials } from '../../../proxy/upstreams/mounted-credentials.ts'

const NEVER_MS = 3_600_000

interface Mount {
  readonly folder: string
  readonly source: CredentialSource
  readonly events: readonly CredentialsEvent[]
  /** Resolves when so many attempts have been told. */
  told(count: number): Promise<void>
}

interface Options {
  readonly folder: string
  readonly pollMs?: number
}

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-mount-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Credentials of `folder/id` and `folder/secret`, loaded as id-1 and secret-1. */
function mount(t: Test, { folder, pollMs = NEVER_MS }: Options): Mount {
  const events: CredentialsEvent[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const source = mountedCredentials({
    account: 'main',
    accessKeyId: { value: 'id-1', file: join(folder, 'id') },
    secretAccessKey: { value: 'secret-1', file: join(folder, 'secret') },
    sessionToken: null,
    times: { pollMs, debounceMs: 20 },
    onEvent(event) {
      events.push(event)
      for (const { count, resolve } of waiting) if (events.length >= count) resolve()
    }
  })
  // The source itself keeps no process alive.
  const alive = setInterval(() => undefined, 60_000)
  t.teardown(() => {
    clearInterval(alive)
    source.close()
  })
  const told = (count: number): Promise<void> =>
    new Promise((resolve) => (events.length >= count ? resolve() : waiting.push({ count, resolve })))
  return { folder, source, events, told }
}

function writePair(folder: string, number: number): void {
  writeFileSync(join(folder, 'id'), `id-${number}\n`)
  writeFileSync(join(folder, 'secret'), `secret-${number}`)
}

/** As kubelet's AtomicWriter does: a new directory, and a symlink to it renamed over `..data`. */
function swapData(folder: string, number: number): void {
  const version = `..2026_${number}`
  mkdirSync(join(folder, version))
  writePair(join(folder, version), number)
  symlinkSync(version, join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
}

const pair = (number: number): object => ({ accessKeyId: `id-${number}`, secretAccessKey: `secret-${number}` })
const LOADED = { account: 'main', tenant: null, result: 'loaded', reason: null, repeated: false, notAfter: null }

t.test("kubelet's swap of ..data is followed, again and again, without waiting for a poll", async (t) => {
  const folder = folderOf(t)
  swapData(folder, 1)
  for (const name of ['id', 'secret']) symlinkSync(join('..data', name), join(folder, name))
  const { source, events, told } = mount(t, { folder })
  source.start()
  for (const number of [2, 3]) {
    const before = source.take()
    swapData(folder, number)
    await told(number - 1)
    t.strictSame(source.take(), pair(number))
    t.strictSame(before, pair(number - 1), 'a request that is under way keeps its own')
  }
  t.strictSame(events, [LOADED, LOADED])
})

t.test('files renamed over the old ones, as Vault writes them, are followed', async (t) => {
  const folder = folderOf(t)
  writePair(folder, 1)
  const { source, told, events } = mount(t, { folder })
  source.start()
  const beside = join(folder, 'new')
  mkdirSync(beside)
  writePair(beside, 2)
  for (const name of ['id', 'secret']) renameSync(join(beside, name), join(folder, name))
  await told(1)
  t.strictSame(source.take(), pair(2))
  t.strictSame(events, [LOADED], 'both files were taken together')
})

t.test('what no watch tells is found by the poll', async (t) => {
  const [folder, elsewhere] = [folderOf(t), folderOf(t)]
  writePair(elsewhere, 1)
  for (const name of ['id', 'secret']) symlinkSync(join(elsewhere, name), join(folder, name))
  const { source, told } = mount(t, { folder, pollMs: 10 })
  source.start()
  writePair(elsewhere, 2)
  await told(1)
  while ((source.take() as { secretAccessKey: string }).secretAccessKey !== 'secret-2')
    await new Promise((resolve) => setTimeout(resolve, 5))
  t.strictSame(source.take(), pair(2))
})

const MISTAKES: readonly { readonly why: string; readonly make: (folder: string) => void; readonly reason: RegExp }[] = [
  { why: 'a file is empty', make: (folder) => writeFileSync(join(folder, 'secret'), ''), reason: /secret holds no credential/ },
  {
    why: 'a file holds two lines',
    make: (folder) => writeFileSync(join(folder, 'secret'), 'a\nb\n'),
    reason: /secret holds no credential/
  },
  { why: 'a file is gone', make: (folder) => rmSync(join(folder, 'secret')), reason: /ENOENT/ },
  {
    why: 'a file is too large to be a credential',
    make: (folder) => writeFileSync(join(folder, 'secret'), 'x'.repeat(100_000)),
    reason: /which is no credential/
  }
]

for (const { why, make, reason } of MISTAKES) {
  t.test(`the last good credentials stay while ${why}, and new ones are taken afterwards`, async (t) => {
    const folder = folderOf(t)
    writePair(folder, 1)
    const { source, told, events } = mount(t, { folder })
    source.start()
    const good = source.take()
    writeFileSync(join(folder, 'id'), 'id-2')
    make(folder)
    await told(1)
    t.match(events[0], { result: 'failed', reason, repeated: false })
    t.equal(source.take(), good)
    t.ok(source.usable)
    writePair(folder, 3)
    while (events.at(-1)?.result !== 'loaded') await told(events.length + 1)
    t.strictSame(source.take(), pair(3))
  })
}

t.test('a failure that lasts is told as repeated', async (t) => {
  const folder = folderOf(t)
  const { source, told, events } = mount(t, { folder, pollMs: 5 })
  source.start()
  await told(3)
  t.strictSame(
    events.slice(0, 3).map(({ repeated }) => repeated),
    [false, true, true]
  )
})

t.test('files written anew with what they held are no new credentials', async (t) => {
  const folder = folderOf(t)
  writePair(folder, 1)
  const { source, events } = mount(t, { folder })
  const good = source.take()
  writePair(folder, 1)
  t.equal(await source.renew(good as never), false)
  t.equal(source.take(), good)
  t.strictSame(events, [])
})

t.test('a refusal makes the files be read at once, and says whether that brought other credentials', async (t) => {
  const folder = folderOf(t)
  writePair(folder, 1)
  const { source, events } = mount(t, { folder })
  const refused = await source.take()
  t.equal(await source.renew(refused), false, 'the files hold the refused pair')
  writePair(folder, 2)
  t.strictSame(await Promise.all([source.renew(refused), source.renew(refused), source.renew(refused)]), [true, true, true])
  t.strictSame(source.take(), pair(2))
  t.strictSame(events, [LOADED], 'read once for all')
  t.equal(await source.renew(refused), true, 'who was refused with the old pair needs no reading')
})
