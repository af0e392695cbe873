import { createHash, createHmac } from 'node:crypto'
import { HttpRequest } from '@smithy/protocol-http'
import { SignatureV4 } from '@smithy/signature-v4'
import type { ChecksumConstructor } from '@smithy/types'

export const ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE'
export const SECRET_ACCESS_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'

/** SHA-256 as the oracle wants it, independent of the code under test. */
class Sha256 {
  readonly #hash
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string)
  }
  update(data: Uint8Array | string): void {
    // Header values are latin1 text for us, and the oracle hands the whole canonical request over as UTF-8.
    this.#hash.update(data as string)
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest())
  }
  reset(): void {
    throw new Error('not used')
  }
}

export interface OracleRequest {
  readonly method: string
  /** Decoded path; the oracle gets it encoded as S3 clients do. */
  readonly rawPath: string
  readonly query: Readonly<Record<string, string | string[]>>
  readonly headers: Readonly<Record<string, string>>
  readonly payloadHash: string
  readonly region: string
  readonly now: Date
  readonly sessionToken?: string
}

/** The headers of the request as @smithy/signature-v4 signs it for S3. */
export async function signWithSmithy(request: OracleRequest): Promise<Record<string, string>> {
  const signer = new SignatureV4({
    service: 's3',
    region: request.region,
    credentials: {
      accessKeyId: ACCESS_KEY_ID,
      secretAccessKey: SECRET_ACCESS_KEY,
      ...(request.sessionToken === undefined ? {} : { sessionToken: request.sessionToken })
    },
    sha256: Sha256 as unknown as ChecksumConstructor,
    uriEscapePath: false,
    applyChecksum: false
  })
  const signed = await signer.sign(
    new HttpRequest({
      method: request.method,
      protocol: 'http:',
      hostname: 'localhost',
      path: request.rawPath,
      query: { ...request.query },
      headers: { ...request.headers, 'x-amz-content-sha256': request.payloadHash }
    }),
    { signingDate: request.now, signableHeaders: new Set(Object.keys(request.headers)) }
  )
  return signed.headers
}

/** A header record as the flat list of the wire. */
export function flat(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).flat()
}
