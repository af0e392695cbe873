import type { Login } from '../matrix/login.ts'

/** Where an object lies for a client. */
export interface Place {
  readonly bucket: string
  readonly key: string
}

/** How a program of the command line is told what to do; reads go to its standard output. */
export interface CommandLine {
  readonly env: Readonly<Record<string, string>>
  put(file: string, place: Place): readonly string[]
  /** In parts of five MiB. */
  upload?(file: string, place: Place): readonly string[]
  get(place: Place): readonly string[]
  delete(place: Place): readonly string[]
  list(place: Place): readonly string[]
  /** The keys in what a list printed. */
  keysIn(out: string, place: Place): readonly string[]
}

/** A program as it is set up for one login. */
export type SetUp = (login: Login, s3: string, folder: string) => CommandLine

const uri = ({ bucket, key }: Place): string => `s3://${bucket}/${key}`
const lines = (out: string): readonly string[] => out.split('\n').filter((line) => line !== '')

export const s5cmd: SetUp = (login, s3) => ({
  env: { ...login.env, S3_ENDPOINT_URL: s3 },
  put: (file, place) => ['--retry-count', '0', 'cp', file, uri(place)],
  upload: (file, place) => ['--retry-count', '0', 'cp', '--part-size', '5', file, uri(place)],
  get: (place) => ['--retry-count', '0', 'cat', uri(place)],
  delete: (place) => ['--retry-count', '0', 'rm', uri(place)],
  list: (place) => ['--retry-count', '0', '--json', 'ls', `${uri(place)}*`],
  keysIn: (out, { bucket }) => lines(out).map((line) => (JSON.parse(line) as { key: string }).key.slice(`s3://${bucket}/`.length))
})

export const s3cmd: SetUp = ({ keys }, s3, folder) => {
  const { host } = new URL(s3)
  const token = keys?.sessionToken === undefined ? [] : [`--access_token=${keys.sessionToken}`]
  const options = [
    ...[`--config=${folder}/none`, '--no-ssl', '--no-progress', '--region=local', `--host=${host}`, `--host-bucket=${host}`],
    ...[`--access_key=${keys?.accessKeyId ?? ''}`, `--secret_key=${keys?.secretAccessKey ?? ''}`, ...token]
  ]
  return {
    env: {},
    put: (file, place) => [...options, 'put', file, uri(place)],
    upload: (file, place) => [...options, '--multipart-chunk-size-mb=5', 'put', file, uri(place)],
    get: (place) => [...options, 'get', uri(place), '-'],
    delete: (place) => [...options, 'del', uri(place)],
    list: (place) => [...options, 'ls', '--recursive', uri(place)],
    keysIn: (out, { bucket }) => lines(out).map((line) => line.slice(line.indexOf('s3://') + `s3://${bucket}/`.length))
  }
}

export const mc: SetUp = ({ keys }, s3, folder) => {
  const { host } = new URL(s3)
  const parts = [keys?.accessKeyId, keys?.secretAccessKey, keys?.sessionToken].filter((part) => part !== undefined)
  const at = ({ bucket, key }: Place): string => `sluice/${bucket}/${key}`
  const options = ['--config-dir', folder, '--json']
  return {
    env: { MC_HOST_sluice: `http://${parts.join(':')}@${host}` },
    put: (file, place) => [...options, 'cp', file, at(place)],
    upload: (file, place) => [...options, 'put', '--part-size', '5MiB', file, at(place)],
    get: (place) => [...options, 'cat', at(place)],
    delete: (place) => [...options, 'rm', at(place)],
    list: (place) => [...options, 'ls', '--recursive', at(place)],
    keysIn: (out, { key }) => lines(out).map((line) => key.slice(0, key.lastIndexOf('/') + 1) + (JSON.parse(line) as { key: string }).key)
  }
}

export const rclone: SetUp = (login, s3) => {
  const at = ({ bucket, key }: Place): string => `sluice:${bucket}/${key}`
  const options = ['--retries=1', '--low-level-retries=1']
  return {
    env: {
      ...login.env,
      RCLONE_CONFIG: '',
      RCLONE_CONFIG_SLUICE_TYPE: 's3',
      RCLONE_CONFIG_SLUICE_PROVIDER: 'Other',
      RCLONE_CONFIG_SLUICE_ENV_AUTH: 'true',
      RCLONE_CONFIG_SLUICE_ENDPOINT: s3,
      RCLONE_CONFIG_SLUICE_REGION: 'local'
    },
    put: (file, place) => [...options, 'copyto', file, at(place)],
    upload: (file, place) => [...options, '--s3-upload-cutoff=5Mi', '--s3-chunk-size=5Mi', 'copyto', file, at(place)],
    get: (place) => [...options, 'cat', at(place)],
    delete: (place) => [...options, 'deletefile', at(place)],
    list: ({ bucket, key }) => [...options, 'lsf', '--recursive', '--files-only', at({ bucket, key: key.slice(0, key.lastIndexOf('/')) })],
    keysIn: (out, { key }) => lines(out).map((line) => key.slice(0, key.lastIndexOf('/') + 1) + line)
  }
}
