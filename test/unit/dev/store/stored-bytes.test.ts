import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { BytesVault, joinBytes, readBytes, sliceBytes, type StoredBytes } from '../../../../proxy/dev/store/stored-bytes.ts'

const MIB = 1024 * 1024

function vaultIn(t: Test, keep = false): { vault: BytesVault; files: () => number } {
  const directory = t.testdir({})
  let serial = 0
  const vault = new BytesVault({ directory, keep, newName: () => `file-${serial++}` })
  const files = (): number => readdirSync(directory).reduce((sum, folder) => sum + readdirSync(join(directory, folder)).length, 0)
  t.teardown(() => vault.close())
  return { vault, files }
}

async function store(vault: BytesVault, ...pieces: Uint8Array[]): Promise<StoredBytes> {
  const writer = vault.writer({ small: false })
  for (const piece of pieces) await writer.write(piece)
  return writer.finish()
}

async function text(bytes: StoredBytes): Promise<string> {
  let all = ''
  for await (const piece of readBytes(bytes)) all += Buffer.from(piece).toString()
  return all
}

/** What the vault forgets is unlinked in the background. */
async function eventually(t: Test, count: () => number, expected: number): Promise<void> {
  for (let turn = 0; turn < 500 && count() !== expected; turn++) await new Promise((resolve) => setTimeout(resolve, 2))
  t.equal(count(), expected)
}

test('a body above 8 MiB lies in a file, holds no memory and reads back whole', async (t) => {
  const { vault, files } = vaultIn(t)
  const bytes = await store(vault, Buffer.alloc(5 * MIB, 'a'), Buffer.alloc(5 * MIB, 'b'))
  t.equal(vault.memoryBytes, 0)
  t.equal(files(), 1)
  t.equal(await text(sliceBytes(bytes, 5 * MIB - 2, 4)), 'aabb')
  vault.release(bytes)
  await eventually(t, files, 0)
})

test('a small body stays in memory until nobody holds it', async (t) => {
  const { vault } = vaultIn(t)
  const bytes = await store(vault, Buffer.from('hello '), Buffer.from('world'))
  const range = vault.hold(sliceBytes(bytes, 6, 5))
  vault.release(bytes)
  t.equal(vault.memoryBytes, 11)
  t.equal(await text(range), 'world')
  vault.release(range)
  t.equal(vault.memoryBytes, 0)
})

test('a discarded body leaves neither file nor memory', async (t) => {
  const { vault, files } = vaultIn(t)
  const writer = vault.writer({ small: false })
  await writer.write(Buffer.alloc(9 * MIB))
  t.equal(files(), 1)
  await writer.discard()
  t.same([files(), vault.memoryBytes], [0, 0])
})

test('many bodies below 8 MiB go to files once memory is full', async (t) => {
  const { vault } = vaultIn(t)
  for (let index = 0; index < 50; index++) await store(vault, Buffer.alloc(5 * MIB))
  t.ok(vault.memoryBytes <= 192 * MIB, `${vault.memoryBytes} bytes`)
})

test('ranges of joined bytes cross the seams of memory and file', async (t) => {
  const { vault } = vaultIn(t)
  const joined = joinBytes([
    await store(vault, Buffer.from('abc')),
    await store(vault, Buffer.alloc(9 * MIB, 'x')),
    await store(vault, Buffer.from('def'))
  ])
  t.equal(joined.length, 9 * MIB + 6)
  t.equal(await text(sliceBytes(joined, 1, 3)), 'bcx')
  t.equal(await text(sliceBytes(joined, 9 * MIB + 2, 3)), 'xde')
  t.equal(await text(sliceBytes(sliceBytes(joined, 2, 9 * MIB + 3), 9 * MIB, 3)), 'xde')
})
