import { createHash, createHmac } from 'node:crypto'

/** What is signed, part by part, so that a test can leave one out, repeat it or spell it wrongly. */
export interface Presigning {
  readonly method: string
  readonly host: string
  /** Percent-encoded. */
  readonly path: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string | null }
  readonly at: Date
  readonly expires?: string
  readonly region?: string
  readonly service?: string
  /** Decoded parameters besides those of signing. */
  readonly query?: readonly (readonly [name: string, value: string])[]
  /** Signed headers besides host. */
  readonly headers?: Readonly<Record<string, string>>
  /** The last line of what is signed. */
  readonly payloadHash?: string
  /** Parameters of signing that are replaced; null leaves one out, of what is signed too. */
  readonly replaced?: Readonly<Record<string, string | null>>
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/** The target of a presigned URL, by the letter of AWS's "Authenticating Requests: Using Query Parameters". */
export function presign(order: Presigning): string {
  const { credentials, region = 'local', service = 's3', headers = {}, payloadHash = 'UNSIGNED-PAYLOAD' } = order
  const amzDate = order.at.toISOString().replace(/[:-]|\.\d{3}/g, '')
  const day = amzDate.slice(0, 8)
  const scope = `${day}/${region}/${service}/aws4_request`
  const signed = [['host', order.host], ...Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])] as [
    string,
    string
  ][]
  signed.sort(([a], [b]) => (a < b ? -1 : 1))
  const names = signed.map(([name]) => name).join(';')
  const signing: Record<string, string | null> = {
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': amzDate,
    'X-Amz-Expires': order.expires ?? '300',
    'X-Amz-SignedHeaders': names,
    ...(credentials.sessionToken === null ? {} : { 'X-Amz-Security-Token': credentials.sessionToken }),
    ...order.replaced
  }
  const present = Object.entries(signing).flatMap(([name, value]) =>
    value === null || name === 'X-Amz-Signature' ? [] : [[name, value] as const]
  )
  const query = [...(order.query ?? []), ...present].map(([name, value]) => [encode(name), encode(value)] as const)
  const sorted = [...query].sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
  const canonical = [
    ...[order.method, order.path, sorted.map(([name, value]) => `${name}=${value}`).join('&')],
    ...[signed.map(([name, value]) => `${name}:${value}\n`).join(''), names, payloadHash]
  ].join('\n')
  const dateUsed = signing['X-Amz-Date'] ?? amzDate
  const text = `AWS4-HMAC-SHA256\n${dateUsed}\n${scope}\n${createHash('sha256').update(canonical).digest('hex')}`
  const key = [region, service, 'aws4_request'].reduce((from, part) => hmac(from, part), hmac(`AWS4${credentials.secretAccessKey}`, day))
  const signature = hmac(key, text).toString('hex')
  const shown = signing['X-Amz-Signature'] === null ? [] : [`X-Amz-Signature=${signing['X-Amz-Signature'] ?? signature}`]
  return `${order.path}?${[...query.map(([name, value]) => `${name}=${value}`), ...shown].join('&')}`
}
