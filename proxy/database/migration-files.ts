import { readdir, readFile } from 'node:fs/promises'
import { readMigrations, type Migration } from './migrate.ts'

const MIGRATIONS = new URL('../../migrations/', import.meta.url)

/** The migrations of this release, and the statements that an administrator runs once. */
export async function readMigrationFiles(): Promise<{ readonly migrations: readonly Migration[]; readonly roles: string }> {
  const names = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql'))
  const files = await Promise.all(names.map(async (name) => ({ name, text: await readFile(new URL(name, MIGRATIONS), 'utf8') })))
  return { migrations: readMigrations(files), roles: files.find(({ name }) => name === 'roles.sql')?.text ?? '' }
}
