import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { bytesOf, digestOf } from '../body.ts'
import { eachInItsProcess, type Ended, type Runner } from '../command-line/runner.ts'
import { startWorker, type Driver, type Order, type Outcome } from '../driver.ts'

const TEXT_BYTES_MAX = 4096
const DELETED_AT_ONCE = 1000

export interface AwsCliOptions {
  /** The `aws` program, started for each order; or the Python that has awscli, which does one order after the other. */
  readonly program: { readonly aws: string } | { readonly python: string }
  readonly env: Readonly<Record<string, string>>
}

/** The aws command line: objects come from files and go to files. */
export async function startAwsCli({ program, env }: AwsCliOptions): Promise<Driver> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-aws-cli-'))
  // Its cache of credentials and its configuration are below HOME: none of the machine's own.
  const all = { PATH: process.env['PATH'] ?? '', HOME: folder, AWS_PAGER: '', LANG: 'C.UTF-8', PYTHONUTF8: '1', ...env }
  const runner = 'aws' in program ? eachInItsProcess(program.aws, all) : allInOneProcess(program.python, all)
  const cli = new AwsCli(folder, runner.execute)
  return {
    run: (order) => cli.run(order),
    async stop() {
      await runner.stop()
      await rm(folder, { recursive: true, force: true })
    }
  }
}

class Refused extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super(JSON.stringify(outcome))
    this.outcome = outcome
  }
}

class AwsCli {
  readonly #folder: string
  readonly #execute: Runner['execute']
  #files = 0

  constructor(folder: string, execute: Runner['execute']) {
    this.#folder = folder
    this.#execute = execute
  }

  async run(order: Order): Promise<Outcome> {
    try {
      return await this.#run(order)
    } catch (error) {
      if (error instanceof Refused) return error.outcome
      throw error
    }
  }

  async #run(order: Order): Promise<Outcome> {
    switch (order.op) {
      case 'put':
        return this.#put(order)
      case 'putMany':
        return this.#putMany(order)
      case 'get':
        return this.#get(order)
      case 'download': {
        const file = this.#newFile()
        await this.#aws(['s3', 'cp', '--only-show-errors', uri(order), file])
        return fileShown(file)
      }
      case 'getMany':
        return this.#getMany(order)
      case 'head': {
        const { ETag, ContentLength, ContentType, Metadata } = await this.#api('head-object', at(order))
        return { etag: ETag as string, length: ContentLength as number, contentType: ContentType as string, metadata: Metadata as Texts }
      }
      case 'list':
        return this.#list(order)
      case 'copy': {
        const source = `${order.bucket}/${order.source.split('/').map(encodeURIComponent).join('/')}`
        const { CopyObjectResult } = await this.#api('copy-object', [...at(order), '--copy-source', source])
        return { etag: (CopyObjectResult as { ETag: string }).ETag }
      }
      case 'managedCopy':
        await this.#aws(['s3', 'cp', '--only-show-errors', uri({ bucket: order.bucket, key: order.source }), uri(order)])
        return {}
      case 'delete':
        await this.#api('delete-object', at(order))
        return {}
      case 'deleteMany':
        return this.#deleteMany(order)
      case 'upload': {
        const file = this.#newFile()
        await writeFile(file, bytesOf(order.body))
        await this.#aws(['s3', 'cp', '--only-show-errors', file, uri(order)])
        await rm(file)
        return {}
      }
      case 'getTags': {
        const { TagSet } = await this.#api('get-object-tagging', at(order))
        return { tags: Object.fromEntries((TagSet as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value])) }
      }
      case 'putTags': {
        const TagSet = Object.entries(order.tags).map(([Key, Value]) => ({ Key, Value }))
        await this.#api('put-object-tagging', [...at(order), '--tagging', JSON.stringify({ TagSet })])
        return {}
      }
      case 'deleteTags':
        await this.#api('delete-object-tagging', at(order))
        return {}
      case 'buckets': {
        const { Buckets } = await this.#api('list-buckets', [])
        return { names: (Buckets as { Name: string }[]).map(({ Name }) => Name) }
      }
      case 'presign':
        return { url: (await this.#aws(['s3', 'presign', uri(order)])).trim() }
      case 'presignFor':
        if (order.request === 'get') return { url: (await this.#aws(['s3', 'presign', uri(order)])).trim() }
        throw new Error(`the command line presigns no ${order.request}`)
      case 'presignPut':
        throw new Error('the command line presigns no PUT')
      case 'trace':
        throw new Error('the command line shows no trace')
      default:
        return order satisfies never
    }
  }

  async #put(order: Extract<Order, { op: 'put' }>): Promise<Outcome> {
    const file = this.#newFile()
    await writeFile(file, bytesOf(order.body))
    const answer = await this.#api('put-object', [
      ...at(order),
      '--body',
      file,
      ...option('--content-type', order.contentType),
      ...option('--metadata', order.metadata === undefined ? undefined : JSON.stringify(order.metadata)),
      ...option('--tagging', order.tags === undefined ? undefined : new URLSearchParams(order.tags).toString()),
      ...option('--if-match', order.ifMatch),
      ...option('--if-none-match', order.ifNoneMatch)
    ])
    return { etag: answer['ETag'] as string }
  }

  async #putMany({ bucket, prefix, bodies }: Extract<Order, { op: 'putMany' }>): Promise<Outcome> {
    const folder = this.#newFile()
    for (const [name, text] of Object.entries(bodies)) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
    await this.#aws(['s3', 'cp', '--recursive', '--only-show-errors', folder, uri({ bucket, key: prefix })])
    await rm(folder, { recursive: true })
    return {}
  }

  async #get(order: Extract<Order, { op: 'get' }>): Promise<Outcome> {
    const file = this.#newFile()
    const answer = await this.#api('get-object', [
      ...at(order),
      ...option('--range', order.range),
      ...option('--if-match', order.ifMatch),
      ...option('--if-none-match', order.ifNoneMatch),
      file
    ])
    return {
      ...(await fileShown(file)),
      etag: answer['ETag'] as string,
      contentType: answer['ContentType'] as string,
      metadata: answer['Metadata'] as Texts,
      ...(answer['TagCount'] === undefined ? {} : { tagCount: answer['TagCount'] as number }),
      ...(answer['ContentRange'] === undefined ? {} : { contentRange: answer['ContentRange'] as string })
    }
  }

  async #getMany({ bucket, prefix }: Extract<Order, { op: 'getMany' }>): Promise<Outcome> {
    const folder = this.#newFile()
    await this.#aws(['s3', 'sync', '--only-show-errors', uri({ bucket, key: prefix }), folder])
    const texts: Record<string, string> = {}
    for (const entry of await readdir(folder, { recursive: true })) {
      const file = join(folder, entry)
      if ((await stat(file)).isFile()) texts[relative(folder, file)] = await readFile(file, 'utf8')
    }
    await rm(folder, { recursive: true })
    return { texts }
  }

  async #list({ bucket, version, prefix, delimiter, pageSize }: Extract<Order, { op: 'list' }>): Promise<Outcome> {
    const answer = await this.#api(version === 2 ? 'list-objects-v2' : 'list-objects', [
      '--bucket',
      bucket,
      ...option('--prefix', prefix),
      ...option('--delimiter', delimiter),
      ...option('--page-size', pageSize === undefined ? undefined : String(pageSize))
    ])
    return {
      keys: ((answer['Contents'] ?? []) as { Key: string }[]).map(({ Key }) => Key),
      prefixes: ((answer['CommonPrefixes'] ?? []) as { Prefix: string }[]).map(({ Prefix }) => Prefix)
    }
  }

  async #deleteMany({ bucket, keys }: Extract<Order, { op: 'deleteMany' }>): Promise<Outcome> {
    let deleted = 0
    const errors: string[] = []
    for (let first = 0; first < keys.length; first += DELETED_AT_ONCE) {
      const file = this.#newFile()
      await writeFile(file, JSON.stringify({ Objects: keys.slice(first, first + DELETED_AT_ONCE).map((Key) => ({ Key })) }))
      const answer = await this.#api('delete-objects', ['--bucket', bucket, '--delete', `file://${file}`])
      deleted += ((answer['Deleted'] ?? []) as unknown[]).length
      errors.push(...((answer['Errors'] ?? []) as { Code: string }[]).map(({ Code }) => Code))
    }
    return { deleted, errors }
  }

  async #api(operation: string, args: readonly string[]): Promise<Record<string, unknown>> {
    const out = await this.#aws(['s3api', operation, '--output', 'json', ...args])
    return out.trim() === '' ? {} : (JSON.parse(out) as Record<string, unknown>)
  }

  async #aws(args: readonly string[]): Promise<string> {
    const { code, out, error } = await this.#execute(args)
    if (code === 0) return out
    const [, refusal] = /An error occurred \(([^)]+)\)/.exec(error) ?? []
    throw new Refused({ error: { code: refusal ?? 'ClientFault', message: error.trim() } })
  }

  #newFile(): string {
    return join(this.#folder, `file-${this.#files++}`)
  }
}

type Texts = Readonly<Record<string, string>>

interface Place {
  readonly bucket: string
  readonly key: string
}

function at({ bucket, key }: Place): string[] {
  return ['--bucket', bucket, '--key', key]
}

function uri({ bucket, key }: Place): string {
  return `s3://${bucket}/${key}`
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [name, value]
}

async function fileShown(file: string): Promise<Outcome> {
  const bytes = await readFile(file)
  await rm(file)
  return { ...digestOf(bytes), ...(bytes.length <= TEXT_BYTES_MAX ? { text: bytes.toString() } : {}) }
}

function allInOneProcess(python: string, env: Readonly<Record<string, string>>): Runner {
  const worker = startWorker<readonly string[], Ended>({ command: python, args: [join(import.meta.dirname, 'worker.py')], env })
  return { execute: (args) => worker.run(args), stop: () => worker.stop() }
}
