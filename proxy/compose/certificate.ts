import { messageOf } from './message-of.ts'
import { MOUNT_TIMES } from './watched-file.ts'
import type { Config } from '../config/config.ts'
import type { Log } from '../observe/log.ts'
import type { Inbound, InboundFactory } from '../transport/inbound.ts'
import { createNodeInbound, type NodeInboundOptions } from '../transport/inbound-node.ts'
import { createFileSet, type FileSet } from '../upstreams/file-set.ts'

type Tls = NonNullable<Config['listeners']['s3']['tls']>

/** An engine for one listener, and what it follows while it lives. */
export interface Engine {
  readonly inbound: InboundFactory
  close(): void
}

/** An engine that shows the configured certificate and follows its files; plain HTTP without one. */
export function engineOf(options: Omit<NodeInboundOptions, 'certificate'>, tls: Tls | null, log: Pick<Log, 'event'>): Engine {
  if (tls === null) return { inbound: (handlers) => createNodeInbound({ ...options, certificate: null }, handlers), close: () => undefined }
  const certificate = { cert: tls.certFile.text, key: tls.keyFile.reveal() }
  let followed: FileSet | null = null
  return {
    inbound(handlers) {
      const inbound = createNodeInbound({ ...options, certificate }, handlers)
      followed = followCertificate(tls, inbound, log)
      return inbound
    },
    close: () => followed?.close()
  }
}

/**
 * Keeps what the files of a listener say in use, certificate and key always of one moment. Connections that are open stay;
 * files that cannot be used are told of once, and the pair in use stays.
 */
function followCertificate({ certFile, keyFile }: Tls, inbound: Pick<Inbound, 'renew'>, log: Pick<Log, 'event'>): FileSet {
  const files = createFileSet([certFile.path, keyFile.file ?? ''], MOUNT_TIMES)
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
      const told = messageOf(error)
      if (told !== fault) log.event('warn', `the certificate stays as it was: ${told}`)
      fault = told
    }
  }
  files.follow(() => void look())
  return files
}
