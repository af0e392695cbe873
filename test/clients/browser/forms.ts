/** Forms that real clients make. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Client } from 'minio'
import { TENANT, type Site } from '../../integration/ways-in/site.ts'

export interface MadeForm {
  readonly url: string
  readonly fields: Readonly<Record<string, string>>
}

/** What the form says besides its key. */
export type FormFields = Readonly<Record<string, string>>

/** By boto3, in the Python where `npm run test:clients` put it. */
export function formOfBoto3(python: string, site: Site, { key, fields }: { key: string; fields: FormFields }): Promise<MadeForm> {
  const { accessKeyId, secretAccessKey, sessionToken } = site.session()
  const env = {
    ...{ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken },
    ...{ AWS_ENDPOINT_URL_S3: `http://${site.host}`, AWS_DEFAULT_REGION: 'local', AWS_EC2_METADATA_DISABLED: 'true' }
  }
  const conditions = [...Object.entries(fields).map(([name, value]) => ({ [name]: value })), ['content-length-range', 1, 5_000_000]]
  const child = spawn(python, [join(import.meta.dirname, 'presigned_post.py')], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit']
  })
  child.stdin.end(JSON.stringify({ Bucket: TENANT, Key: key, Fields: fields, Conditions: conditions, ExpiresIn: 300 }))
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece))
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve(JSON.parse(text) as MadeForm) : reject(new Error(`boto3 ended with ${code}`))))
  })
}

/** By minio-js. */
export async function formOfMinioJs(site: Site, { key, type }: { key: string; type: string }): Promise<MadeForm> {
  const { accessKeyId, secretAccessKey, sessionToken } = site.session()
  const [endPoint = '', port = ''] = site.host.split(':')
  const credentials = { accessKey: accessKeyId, secretKey: secretAccessKey, sessionToken }
  const client = new Client({ endPoint, port: Number(port), useSSL: false, region: 'local', pathStyle: true, ...credentials })
  const policy = client.newPostPolicy()
  policy.setBucket(TENANT)
  policy.setKey(key)
  policy.setContentType(type)
  policy.setContentLengthRange(1, 5_000_000)
  policy.setUserMetaData({ page: 'seven' })
  policy.setExpires(new Date(site.now().getTime() + 300_000))
  const { postURL, formData } = await client.presignedPostPolicy(policy)
  return { url: postURL, fields: formData as Record<string, string> }
}
