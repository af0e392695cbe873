import type { Config } from '../config/config.ts'
import type { Log } from '../observe/log.ts'
import type { Inbound } from '../transport/inbound.ts'
import { createFileSet } from '../upstreams/file-set.ts'

export interface FollowedCertificate {
  close(): void
}

const TIMES = { pollMs: 15_000, debounceMs: 250 }

/**
 * Keeps what the files of a listener say in use, certificate and key always of one moment. Connections that are open stay;
 * files that cannot be used are told of once, and the pair in use stays.
 */
export function followCertificate(
  { certFile, keyFile }: NonNullable<Config['listeners']['s3']['tls']>,
  inbound: Pick<Inbound, 'renew'>,
  log: Pick<Log, 'event'>
): FollowedCertificate {
  const files = createFileSet([certFile.path, keyFile.file ?? ''], TIMES)
  let inUse: readonly string[] = [certFile.text, keyFile.reveal()]
  let fault: string | null = null

  const look = async (): Promise<void> => {
    try {
      if (!(await files.changed())) return
      const [cert = '', key = ''] = await files.read()
      if (cert === inUse[0] && key.trimEnd() === inUse[1]?.trimEnd()) return
      inbound.renew({ cert, key })
      inUse = [cert, key]
      fault = null
      log.event('info', 'another certificate is in use', { file: certFile.path })
    } catch (error) {
      const told = error instanceof Error ? error.message : String(error)
      if (told !== fault) log.event('warn', `the certificate stays as it was: ${told}`)
      fault = told
    }
  }
  files.follow(() => void look())
  return files
}
