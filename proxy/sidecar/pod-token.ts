import { S3Error } from '../s3/error.ts'

/** The pod's own token, as its file has it. */
export interface PodToken {
  /** Refused as an outage while the file is empty: the local process has no token of its own to mend. */
  current(): string
  replace(text: string): void
}

export function createPodToken(text: string): PodToken {
  let token = text.trim()
  return {
    current() {
      if (token === '') throw new S3Error('ServiceUnavailable', "the file of the pod's token is empty")
      return token
    },
    replace: (next) => void (token = next.trim())
  }
}
