import { createHash } from 'node:crypto'
import { sameCredentials, type CredentialSource, type CredentialsEvent, type UpstreamCredentials } from './credentials.ts'
import { createFileSet, type FileSetTimes } from './file-set.ts'

/** One part of a pair: as it was when the configuration was read, and the file it is followed in; null where it cannot change. */
export interface MountedPart {
  readonly value: string
  readonly file: string | null
}

export interface MountedOptions {
  readonly account: string
  readonly accessKeyId: MountedPart
  readonly secretAccessKey: MountedPart
  readonly sessionToken: MountedPart | null
  readonly times: FileSetTimes
  readonly onEvent: (event: CredentialsEvent) => void
}

/** What SigV4 can carry in a header; a secret has no line break inside, so a file with two lines is a mistake. */
const PRINTABLE = /^[\x21-\x7e]+$/

/** Credentials in files that rotate: whole sets are swapped, and the last good one stays while a new one cannot be read. */
export function mountedCredentials(options: MountedOptions): CredentialSource {
  const { account, onEvent } = options
  const parts = [options.accessKeyId, options.secretAccessKey, ...(options.sessionToken === null ? [] : [options.sessionToken])]
  const paths = [...new Set(parts.flatMap(({ file }) => (file === null ? [] : [file])))]
  const files = createFileSet(paths, options.times)
  let loaded = credentialsOf(parts.map(({ value }) => value))
  let digest = digestOf(parts.map(({ value }) => value))
  let failure: string | null = null
  let reading: Promise<void> | null = null

  const tell = (event: Pick<CredentialsEvent, 'result' | 'reason' | 'repeated'>): void =>
    onEvent({ account, tenant: null, notAfter: null, ...event })
  const readAll = async (): Promise<void> => {
    const byPath = new Map((await files.read()).map((text, index) => [paths[index], text.replace(/\r?\n$/, '')]))
    const values = parts.map(({ value, file }) => (file === null ? value : (byPath.get(file) ?? '')))
    const problem = parts.find((_, index) => !PRINTABLE.test(values[index] ?? ''))
    if (problem !== undefined) throw new Error(`file ${problem.file} holds no credential: one line of printable characters`)
    failure = null
    const next = digestOf(values)
    if (next === digest) return
    digest = next
    loaded = credentialsOf(values)
    tell({ result: 'loaded', reason: null, repeated: false })
  }
  const reload = (): Promise<void> => {
    reading ??= readAll()
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error)
        tell({ result: 'failed', reason, repeated: reason === failure })
        failure = reason
      })
      .finally(() => {
        reading = null
      })
    return reading
  }
  const look = async (): Promise<void> => {
    // A set that could not be taken is not taken again before it changes, except to see whether it can be read by now.
    const isNew = await files.changed().catch(() => true)
    if (isNew) await reload()
  }
  return {
    usable: true,
    take: () => loaded,
    async renew(refused) {
      // A set that was swapped since the request was signed needs no reading.
      if (sameCredentials(loaded, refused)) await reload()
      return !sameCredentials(loaded, refused)
    },
    start: () => files.follow(() => void look()),
    close: () => files.close()
  }
}

function credentialsOf([accessKeyId = '', secretAccessKey = '', sessionToken]: readonly string[]): UpstreamCredentials {
  return Object.freeze({ accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) })
}

function digestOf(values: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex')
}
