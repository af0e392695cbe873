import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { findChromium } from './browser.ts'
import { INSTALLERS, type Installer } from './installers.ts'

/** Where clients were put, for the environment of their suites; absent where they could not be. */
export interface InstalledClients {
  readonly env: Readonly<Record<string, string>>
  /** One sentence per client that is not there. */
  readonly skipped: readonly string[]
}

export interface InstallOptions {
  /** Also builds what takes minutes; else such a client is used only where it was built before. */
  readonly slowToo: boolean
}

/** Puts clients into a cache outside the checkout, each once. A client that cannot be there is named, and is no failure. */
export async function installClients({ slowToo }: InstallOptions): Promise<InstalledClients> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sluice')
  await mkdir(cache, { recursive: true })
  const env: Record<string, string> = {}
  const skipped: string[] = []
  const install = async (installer: Installer): Promise<void> => {
    try {
      env[installer.variable] = await installOne(installer, cache, slowToo)
    } catch (error) {
      skipped.push(`${installer.clients}: skipped, ${(error as Error).message}`)
    }
  }
  // Builds would only slow each other down.
  const inTurn = INSTALLERS.filter(({ isSlow }) => isSlow === true)
  const atOnce = INSTALLERS.filter(({ isSlow }) => isSlow !== true)
  await Promise.all(atOnce.map(install))
  for (const installer of inTurn) await install(installer)
  const chromium = await findChromium()
  if (chromium === null) skipped.push('the browser: skipped, there is no chromium')
  else env['SLUICE_TEST_CHROMIUM'] = chromium
  return { env, skipped: skipped.sort() }
}

async function installOne(installer: Installer, cache: string, slowToo: boolean): Promise<string> {
  const folder = join(cache, installer.name)
  const isComplete = join(folder, 'complete')
  if (!existsSync(isComplete)) {
    if (installer.isSlow === true && !slowToo) throw new Error('its build takes minutes: `npm run clients` does it once')
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    await installer.into(folder)
    await writeFile(isComplete, '')
  }
  return join(folder, installer.program)
}
