import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { watchFile, type WatchedFile } from '../../../proxy/compose/watched-file.ts'

interface Watching {
  readonly folder: string
  readonly path: string
  readonly taken: string[]
  readonly faults: string[]
  readonly file: WatchedFile
  /** Resolves with the next text that is taken. */
  next(): Promise<string>
}

const NEVER_MS = 1_000_000

async function watching(t: Test, { pollMs = NEVER_MS, linked = false } = {}): Promise<Watching> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-watched-'))
  const path = join(folder, 'ring')
  if (linked) {
    // As kubelet lays out a mounted secret.
    await mkdir(join(folder, '..1'))
    await writeFile(join(folder, '..1', 'ring'), 'first')
    await symlink('..1', join(folder, '..data'))
    await symlink(join('..data', 'ring'), path)
  } else await writeFile(path, 'first')
  const taken: string[] = []
  const faults: string[] = []
  let told = Promise.withResolvers<string>()
  const take = (text: string): void => {
    if (text.startsWith('bad')) throw new Error(`refused: ${text}`)
    taken.push(text)
    told.resolve(text)
    told = Promise.withResolvers<string>()
  }
  const file = watchFile({ path, text: 'first', take, pollMs, onFault: (error) => faults.push((error as Error).message) })
  // The watch itself keeps no process alive.
  const alive = setInterval(() => undefined, NEVER_MS)
  t.teardown(async () => {
    clearInterval(alive)
    file.close()
    await rm(folder, { recursive: true, force: true })
  })
  return { folder, path, taken, faults, file, next: () => told.promise }
}

t.test('a text that is in use already is not taken again', async (t) => {
  const { file, taken } = await watching(t)
  await file.check()
  t.same(taken, [])
})

t.test('a mounted secret that is exchanged by a symlink is noticed without a look at the clock', async (t) => {
  const { folder, next } = await watching(t, { linked: true })
  const noticed = next()
  await mkdir(join(folder, '..2'))
  await writeFile(join(folder, '..2', 'ring'), 'second')
  await symlink('..2', join(folder, '..data_tmp'))
  await rename(join(folder, '..data_tmp'), join(folder, '..data'))
  t.equal(await noticed, 'second')
})

t.test('what the directory does not tell is found by the clock', async (t) => {
  const { path, next, file } = await watching(t, { pollMs: 10 })
  const noticed = next()
  await writeFile(path, 'second')
  t.equal(await noticed, 'second')
  await file.check()
})

t.test('a text that is refused leaves what was in use, is told of once, and is forgotten with the next good one', async (t) => {
  const { path, file, taken, faults } = await watching(t)
  await writeFile(path, 'bad text')
  await file.check()
  await file.check()
  t.same(taken, [])
  t.same(faults, ['refused: bad text'])
  await writeFile(path, 'second')
  await file.check()
  t.same(taken, ['second'])
})

t.test('a file that is gone leaves what was in use', async (t) => {
  const { path, file, taken, faults } = await watching(t)
  await rm(path)
  await file.check()
  await file.check()
  t.same(taken, [])
  t.equal(faults.length, 1)
  t.match(faults[0], /ENOENT/)
})
