import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bytesOf, digestOf } from '../body.ts'
import type { Driver, Order, Outcome, PresignedRequest } from '../driver.ts'
import type { Login } from '../matrix/login.ts'
import { eachInItsProcess } from './runner.ts'

const PART_BYTES = 5 * 1024 * 1024

export type Asked = PresignedRequest & { readonly bucket: string; readonly key: string }

/** The arguments that name and prove a request: its URL, and whatever else. */
type Prove = (asked: Asked) => Promise<readonly string[]>

const METHODS: Readonly<Record<PresignedRequest['request'], string>> = {
  put: 'PUT',
  get: 'GET',
  list: 'GET',
  delete: 'DELETE',
  createUpload: 'POST',
  uploadPart: 'PUT',
  completeUpload: 'POST'
}

/** curl that signs by keys, or carries the token itself. */
export function startCurl(login: Login, s3: string): Promise<Driver> {
  const { keys, token } = login
  if (token !== undefined) return start((asked) => Promise.resolve(['--header', `Authorization: Bearer ${token}`, urlOf(s3, asked)]))
  if (keys === undefined) throw new Error('curl proves itself with keys or a token')
  const session = keys.sessionToken === undefined ? [] : ['--header', `x-amz-security-token: ${keys.sessionToken}`]
  const signed = ['--aws-sigv4', 'aws:amz:local:s3', '--user', `${keys.accessKeyId}:${keys.secretAccessKey}`, ...session]
  return start((asked) => Promise.resolve([...signed, urlOf(s3, asked)]))
}

/** curl with URLs that another client makes. */
export async function startCurlWithUrlsOf(maker: Driver): Promise<Driver> {
  const curl = await start(async (asked) => {
    const { url, error } = await maker.run({ op: 'presignFor', ...asked })
    if (url === undefined) throw new Error(`no URL was made: ${error?.message ?? ''}`)
    return [url]
  })
  return { run: (order) => curl.run(order), stop: () => Promise.all([curl.stop(), maker.stop()]).then(() => undefined) }
}

function urlOf(s3: string, { request, bucket, key, prefix, uploadId, partNumber }: Asked): string {
  const path = key.split('/').map(encodeURIComponent).join('/')
  const object = `${s3}/${bucket}/${path}`
  switch (request) {
    case 'list':
      return `${s3}/${bucket}?list-type=2&prefix=${encodeURIComponent(prefix ?? '')}`
    case 'createUpload':
      return `${object}?uploads=`
    case 'uploadPart':
      return `${object}?partNumber=${partNumber}&uploadId=${encodeURIComponent(uploadId ?? '')}`
    case 'completeUpload':
      return `${object}?uploadId=${encodeURIComponent(uploadId ?? '')}`
    default:
      return object
  }
}

interface Answer {
  readonly status: number
  readonly etag: string
  readonly body: Buffer
}

async function start(prove: Prove): Promise<Driver> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-curl-'))
  const runner = eachInItsProcess('curl', { PATH: process.env['PATH'] ?? '', HOME: folder })
  const answered = join(folder, 'answer')
  const ask = async (asked: Asked, body?: Buffer): Promise<Answer> => {
    const sent = join(folder, 'body')
    if (body !== undefined) await writeFile(sent, body)
    await rm(answered, { force: true })
    const { code, out, error } = await runner.execute([
      ...['--silent', '--show-error', '--globoff', '--output', answered, '--write-out', '%{http_code} %header{etag}'],
      ...['--request', METHODS[asked.request], ...(await prove(asked))],
      ...(body === undefined ? [] : ['--upload-file', sent])
    ])
    if (code !== 0) throw new Error(`curl failed: ${error}`)
    const [status = '', etag = ''] = out.split(' ')
    return { status: Number(status), etag, body: await readFile(answered).catch(() => Buffer.alloc(0)) }
  }
  return {
    run: (order) => run(order, ask),
    stop: () => rm(folder, { recursive: true, force: true })
  }
}

class Refusal extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super(JSON.stringify(outcome))
    this.outcome = outcome
  }
}

async function run(order: Order, ask: (asked: Asked, body?: Buffer) => Promise<Answer>): Promise<Outcome> {
  const done = async (asked: Asked, body?: Buffer): Promise<Answer> => {
    const answer = await ask(asked, body)
    if (answer.status < 300) return answer
    const [, code = ''] = /<Code>([^<]*)</.exec(answer.body.toString()) ?? []
    throw new Refusal({ error: { code, status: answer.status, message: answer.body.toString() } })
  }
  try {
    return await perform(order, done)
  } catch (error) {
    if (error instanceof Refusal) return error.outcome
    throw error
  }
}

async function perform(order: Order, done: (asked: Asked, body?: Buffer) => Promise<Answer>): Promise<Outcome> {
  switch (order.op) {
    case 'put':
      return { etag: (await done({ request: 'put', ...placeOf(order) }, bytesOf(order.body))).etag }
    case 'get': {
      const { body } = await done({ request: 'get', ...placeOf(order) })
      return { ...digestOf(body), text: body.toString() }
    }
    case 'delete':
      await done({ request: 'delete', ...placeOf(order) })
      return {}
    case 'list': {
      const { body } = await done({ request: 'list', bucket: order.bucket, key: '', prefix: order.prefix ?? '' })
      return { keys: [...body.toString().matchAll(/<Key>([^<]*)</g)].map(([, key = '']) => key) }
    }
    case 'upload':
      return upload(placeOf(order), bytesOf(order.body), done)
    default:
      throw new Error(`curl is not asked for ${order.op}`)
  }
}

async function upload(
  place: { readonly bucket: string; readonly key: string },
  bytes: Buffer,
  done: (asked: Asked, body?: Buffer) => Promise<Answer>
): Promise<Outcome> {
  const begun = await done({ request: 'createUpload', ...place })
  const [, uploadId = ''] = /<UploadId>([^<]*)</.exec(begun.body.toString()) ?? []
  const parts: string[] = []
  for (let at = 0; at < bytes.length; at += PART_BYTES) {
    const partNumber = parts.length + 1
    const { etag } = await done({ request: 'uploadPart', ...place, uploadId, partNumber }, bytes.subarray(at, at + PART_BYTES))
    parts.push(`<Part><PartNumber>${partNumber}</PartNumber><ETag>${etag}</ETag></Part>`)
  }
  const list = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
  await done({ request: 'completeUpload', ...place, uploadId }, Buffer.from(list))
  return {}
}

function placeOf({ bucket, key }: { readonly bucket: string; readonly key: string }): { bucket: string; key: string } {
  return { bucket, key }
}
