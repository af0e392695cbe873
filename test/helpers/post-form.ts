/** Forms as services sign them and browsers send them, by the letter of AWS's pages, part by part so that a test can spoil one. */
import { createHmac } from 'node:crypto'

export type Fields = readonly (readonly [name: string, value: string])[]

export interface PostSigning {
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string | null }
  readonly bucket: string
  /** The form's own fields, without those of signing. */
  readonly fields: Fields
  readonly at: Date
  readonly region?: string
  readonly expiresInSeconds?: number
  /** Conditions in place of the exact one of each field; those of signing and of the bucket come besides. */
  readonly conditions?: readonly unknown[]
  /** The policy in place of the one that is made: its text, encoded afterwards. */
  readonly policyText?: string
  /** The same, already encoded. */
  readonly policyEncoded?: string
  /** Fields of signing that are replaced after it; null leaves one out. */
  readonly replaced?: Readonly<Record<string, string | null>>
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** The fields with those of signing, by AWS's "Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)". */
export function signedFields(order: PostSigning): Fields {
  const { credentials, region = 'local', at, fields } = order
  const amzDate = at.toISOString().replace(/[:-]|\.\d{3}/g, '')
  const day = amzDate.slice(0, 8)
  const signing: Fields = [
    ['x-amz-algorithm', 'AWS4-HMAC-SHA256'],
    ['x-amz-credential', `${credentials.accessKeyId}/${day}/${region}/s3/aws4_request`],
    ['x-amz-date', amzDate],
    ...(credentials.sessionToken === null ? [] : [['x-amz-security-token', credentials.sessionToken] as const])
  ]
  const exact = (named: Fields): unknown[] => named.map(([name, value]) => ({ [name]: value }))
  const document = {
    expiration: new Date(at.getTime() + (order.expiresInSeconds ?? 300) * 1000).toISOString(),
    conditions: [{ bucket: order.bucket }, ...(order.conditions ?? exact(fields)), ...exact(signing)]
  }
  const policy = order.policyEncoded ?? Buffer.from(order.policyText ?? JSON.stringify(document)).toString('base64')
  const key = [region, 's3', 'aws4_request'].reduce<Buffer>(hmac, hmac(`AWS4${credentials.secretAccessKey}`, day))
  const all: Fields = [...fields, ...signing, ['policy', policy], ['x-amz-signature', hmac(key, policy).toString('hex')]]
  return all.flatMap(([name, value]) => {
    const other = order.replaced?.[name]
    return other === null ? [] : [[name, other ?? value] as const]
  })
}

export interface Posted {
  readonly fields: Fields
  readonly file: string | Uint8Array
  readonly filename?: string
  /** Fields behind the file. */
  readonly after?: Fields
  readonly boundary?: string
}

export const BOUNDARY = 'sluice-form-boundary'

/** The body as a browser writes it. */
export function formBody({ fields, file, filename = 'a.txt', after = [], boundary = BOUNDARY }: Posted): Buffer {
  const written = (named: Fields): string =>
    named.map(([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`).join('')
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\nContent-Type: text/plain\r\n\r\n`
  return Buffer.concat([
    Buffer.from(written(fields) + head),
    Buffer.from(file as Uint8Array),
    Buffer.from(`\r\n${written(after)}--${boundary}--\r\n`)
  ])
}

export const formType = (boundary = BOUNDARY): string => `multipart/form-data; boundary=${boundary}`
