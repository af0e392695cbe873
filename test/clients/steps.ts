import { bytesOf, digestOf } from './body.ts'
import { plainMetadata } from './encoded-words.ts'
import { ODD_KEYS } from './odd-keys.ts'
import { done, failsWith, refused, type Step } from './step.ts'

const MIB = 1024 * 1024
/** Above what a proxy holds in memory to send again. */
const MEDIUM = { size: 3 * MIB, seed: 'medium' }

/** The list of operations, in the order in which they are done. */
export const STEPS: readonly Step[] = [
  {
    title: 'an object comes back with its bytes, its type, its metadata and its own tags, and no others',
    async run(scene) {
      const { t, mine, bucket, can } = scene
      const key = 'first/object.txt'
      const put = await done(scene, mine, {
        op: 'put',
        bucket,
        key,
        body: { text: 'grüße' },
        contentType: 'text/x-greeting',
        metadata: { color: 'blue', 'two-words': 'a  b' },
        tags: { kind: 'greeting', 'a b': 'c+d' }
      })
      const got = await done(scene, mine, { op: 'get', bucket, key })
      t.equal(got.text, 'grüße')
      if (can('contentType')) t.equal(got.contentType, 'text/x-greeting')
      if (can('tagCount')) t.equal(got.tagCount, 2)
      const head = await done(scene, mine, { op: 'head', bucket, key })
      t.equal(head.length, Buffer.byteLength('grüße'))
      t.equal(head.contentType, 'text/x-greeting')
      t.equal(head.etag, put.etag)
      t.equal(head.metadata?.['color'], 'blue')
      t.same(
        Object.keys(head.metadata ?? {}).filter((name) => name.includes('sluice')),
        [],
        'the mark is not shown'
      )
      t.same((await done(scene, mine, { op: 'getTags', bucket, key })).tags, { kind: 'greeting', 'a b': 'c+d' })
    }
  },
  {
    title: 'metadata beyond ASCII comes back as it was given',
    needs: 'utf8Metadata',
    async run(scene) {
      const { t, mine, bucket } = scene
      const at = { bucket, key: 'first/metadata' }
      await done(scene, mine, { op: 'put', ...at, body: { text: 'x' }, metadata: { name: 'Grüße' } })
      const { metadata } = await done(scene, mine, { op: 'head', ...at })
      t.equal(plainMetadata(metadata?.['name']), Buffer.from('Grüße').toString('latin1'))
    }
  },
  {
    title: 'tags are replaced and taken away, the hidden one apart',
    async run(scene) {
      const { t, mine, bucket, can, brief } = scene
      const at = { bucket, key: 'first/tagged' }
      await done(scene, mine, { op: 'put', ...at, body: { text: 'tagged' } })
      const tags = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`tag${index}`, `value ${index}`]))
      await done(scene, mine, { op: 'putTags', ...at, tags })
      t.same((await done(scene, mine, { op: 'getTags', ...at })).tags, tags)
      if (can('tagCount') && !brief) t.equal((await done(scene, mine, { op: 'get', ...at })).tagCount, 9)
      await done(scene, mine, { op: 'deleteTags', ...at })
      t.same((await done(scene, mine, { op: 'getTags', ...at })).tags, {})
      const got = await done(scene, mine, { op: 'get', ...at })
      t.match(got, { text: 'tagged', tagCount: undefined }, 'the object is still its own')
    }
  },
  {
    title: 'an object is overwritten by the service that owns it',
    notInBrief: true,
    async run(scene) {
      const { t, mine, bucket } = scene
      const at = { bucket, key: 'first/twice' }
      for (const text of ['one', 'two', 'two']) await done(scene, mine, { op: 'put', ...at, body: { text } })
      t.equal((await done(scene, mine, { op: 'get', ...at })).text, 'two')
    }
  },
  {
    title: 'a range holds the bytes that were asked for',
    async run(scene) {
      const { t, mine, bucket, brief } = scene
      const at = { bucket, key: 'first/range' }
      await done(scene, mine, { op: 'put', ...at, body: { text: '0123456789' } })
      t.equal((await done(scene, mine, { op: 'get', ...at, range: 'bytes=2-5' })).text, '2345')
      if (!brief) await failsWith(scene, mine, { op: 'get', ...at, range: 'bytes=20-29' }, ['InvalidRange', '416'])
    }
  },
  {
    title: 'an empty object is there and empty',
    async run(scene) {
      const { t, mine, bucket, brief } = scene
      const at = { bucket, key: 'first/empty' }
      await done(scene, mine, { op: 'put', ...at, body: { text: '' } })
      if (!brief) t.equal((await done(scene, mine, { op: 'head', ...at })).length, 0)
      t.equal((await done(scene, mine, { op: 'get', ...at })).length, 0)
    }
  },
  {
    title: 'conditions decide reads and writes',
    needs: 'conditions',
    async run(scene) {
      const { t, mine, bucket, brief } = scene
      const at = { bucket, key: 'first/conditions' }
      const { etag = '' } = await done(scene, mine, { op: 'put', ...at, body: { text: 'old' }, ifNoneMatch: '*' })
      await failsWith(scene, mine, { op: 'get', ...at, ifNoneMatch: etag }, ['304', 'NotModified'])
      if (!brief) await failsWith(scene, mine, { op: 'get', ...at, ifMatch: '"other"' }, ['PreconditionFailed', '412'])
      await failsWith(scene, mine, { op: 'put', ...at, body: { text: 'new' }, ifNoneMatch: '*' }, ['PreconditionFailed'])
      if (!brief) await failsWith(scene, mine, { op: 'put', ...at, body: { text: 'new' }, ifMatch: '"other"' }, ['PreconditionFailed'])
      if (!brief) t.equal((await done(scene, mine, { op: 'get', ...at, ifMatch: etag })).text, 'old')
      await done(scene, mine, { op: 'put', ...at, body: { text: 'new' }, ifMatch: etag })
      t.equal((await done(scene, mine, { op: 'get', ...at })).text, 'new')
    }
  },
  {
    title: 'what is not there is missing, and deleting it succeeds',
    async run(scene) {
      const { mine, bucket } = scene
      const at = { bucket, key: 'first/missing' }
      await failsWith(scene, mine, { op: 'get', ...at }, ['NoSuchKey'])
      await failsWith(scene, mine, { op: 'head', ...at }, ['NotFound', '404'])
      await done(scene, mine, { op: 'delete', ...at })
    }
  },
  {
    title: 'objects are copied, small ones and big ones, with their tags',
    async run(scene) {
      const { t, mine, bucket, brief } = scene
      for (const [name, body] of Object.entries({ medium: MEDIUM, ...(brief ? {} : { small: { text: 'small' } }) })) {
        const source = `copy/${name}`
        await done(scene, mine, { op: 'put', bucket, key: source, body, tags: { a: 'b' } })
        const at = { bucket, key: `copy/of ${name}` }
        await done(scene, mine, { op: 'copy', ...at, source })
        t.match(await done(scene, mine, { op: 'get', ...at }), digestOf(bytesOf(body)))
        t.same((await done(scene, mine, { op: 'getTags', ...at })).tags, { a: 'b' })
        if (brief) continue
        // Onto an object that is there.
        await done(scene, mine, { op: 'copy', ...at, source })
        await done(scene, mine, { op: 'delete', ...at })
        await failsWith(scene, mine, { op: 'head', ...at }, ['NotFound', '404'])
      }
    }
  },
  {
    title: 'a big object goes up in parts and comes back whole',
    async run(scene) {
      const { t, mine, bucket, bigBytes, brief } = scene
      const body = { size: bigBytes, seed: 'big' }
      const at = { bucket, key: 'big/object' }
      const uploaded = await done(scene, mine, { op: 'upload', ...at, body })
      if (uploaded.location !== undefined) t.match(uploaded.location, bucket, 'the location names what the client asked for')
      t.match(await done(scene, mine, { op: 'download', ...at }), digestOf(bytesOf(body)))
      t.match((await done(scene, mine, { op: 'head', ...at })).etag, /^"[0-9a-f]{32}-\d+"$/, 'it was a multipart upload')
      if (brief) return
      // Over what is there.
      await done(scene, mine, { op: 'upload', ...at, body: { size: 18 * MIB, seed: 'second' } })
      t.match(await done(scene, mine, { op: 'head', ...at }), { length: 18 * MIB })
    }
  },
  {
    title: "a big object is copied in parts by the client's own way, with its tags",
    needs: 'managedCopy',
    async run(scene) {
      const { t, mine, bucket } = scene
      const source = 'big/source'
      const body = { size: 17 * MIB, seed: 'source' }
      await done(scene, mine, { op: 'upload', bucket, key: source, body })
      await done(scene, mine, { op: 'putTags', bucket, key: source, tags: { kept: 'yes' } })
      await done(scene, mine, { op: 'managedCopy', bucket, key: 'big/copy', source })
      t.match(await done(scene, mine, { op: 'download', bucket, key: 'big/copy' }), digestOf(bytesOf(body)))
      // The command line takes tags along; boto3 leaves them.
      const { tags } = await done(scene, mine, { op: 'getTags', bucket, key: 'big/copy' })
      t.ok(tags?.['service'] === undefined && [undefined, 'yes'].includes(tags?.['kept']), 'no hidden tag came along', { tags })
    }
  },
  {
    title: 'odd keys are written, listed and read under exactly their names',
    async run(scene) {
      const { t, mine, bucket, emptySegments, brief } = scene
      const prefix = 'odd keys/'
      const bodies = Object.fromEntries(ODD_KEYS.map(({ name }) => [name, `of ${name}`]))
      await done(scene, mine, { op: 'putMany', bucket, prefix, bodies })
      t.same((await done(scene, mine, { op: 'getMany', bucket, prefix })).texts, bodies)
      const keys = ODD_KEYS.map(({ name }) => prefix + name)
      for (const version of [1, 2] as const) {
        if (version === 1 && brief) continue
        const listed = await done(scene, mine, { op: 'list', bucket, version, prefix })
        t.same(sorted(listed.keys), sorted(keys), `version ${version} lists them`)
      }
      if (emptySegments) {
        const at = { bucket, key: 'odd//double//' }
        await done(scene, mine, { op: 'put', ...at, body: { text: 'slashes' } })
        t.equal((await done(scene, mine, { op: 'get', ...at })).text, 'slashes')
        t.same((await done(scene, mine, { op: 'list', bucket, version: 2, prefix: 'odd//' })).keys, [at.key])
      }
      if (brief) return
      t.match(await done(scene, mine, { op: 'deleteMany', bucket, keys }), { deleted: keys.length, errors: [] })
      t.same((await done(scene, mine, { op: 'list', bucket, version: 2, prefix })).keys, [])
    }
  },
  {
    title: 'many objects are listed over pages and deleted in batches',
    async run(scene) {
      const { t, mine, bucket, bulk, brief } = scene
      const prefix = 'bulk/'
      const names = Array.from({ length: bulk }, (_, index) => `${index % 3 === 0 ? 'third' : 'rest'}/${String(index).padStart(4, '0')}`)
      await done(scene, mine, { op: 'putMany', bucket, prefix, bodies: Object.fromEntries(names.map((name) => [name, name])) })
      const keys = sorted(names.map((name) => prefix + name))
      for (const version of [1, 2] as const) {
        t.same((await done(scene, mine, { op: 'list', bucket, version, prefix })).keys, keys, `version ${version} lists them in order`)
        if (version === 1 && brief) continue
        const folders = await done(scene, mine, { op: 'list', bucket, version, prefix, delimiter: '/' })
        t.same([folders.keys, folders.prefixes], [[], ['bulk/rest/', 'bulk/third/']], `version ${version} groups them`)
      }
      t.match(await done(scene, mine, { op: 'deleteMany', bucket, keys }), { deleted: bulk, errors: [] })
      t.same((await done(scene, mine, { op: 'list', bucket, version: 2, prefix })).keys, [])
    }
  },
  {
    title: 'another service lists an object and is refused its content, its place and its end, and copies of it',
    async run(scene) {
      const { t, mine, other, bucket, brief } = scene
      const at = { bucket, key: 'mine/object' }
      await done(scene, mine, { op: 'put', ...at, body: { text: 'mine' } })
      t.same((await done(scene, other, { op: 'list', bucket, version: 2, prefix: 'mine/' })).keys, [at.key])
      await refused(scene, other, { op: 'get', ...at })
      if (!brief) await refused(scene, other, { op: 'head', ...at })
      await refused(scene, other, { op: 'put', ...at, body: { text: 'theirs' } })
      if (!brief) await refused(scene, other, { op: 'getTags', ...at })
      if (!brief) await refused(scene, other, { op: 'putTags', ...at, tags: { a: 'b' } })
      await refused(scene, other, { op: 'delete', ...at })
      await refused(scene, other, { op: 'copy', bucket, key: 'theirs/copy', source: at.key })
      t.match(await done(scene, other, { op: 'deleteMany', bucket, keys: [at.key] }), { deleted: 0, errors: ['AccessDenied'] })
      t.equal((await done(scene, mine, { op: 'get', ...at })).text, 'mine')
      if (brief) return
      await done(scene, other, { op: 'put', bucket, key: 'theirs/object', body: { text: 'theirs' } })
      await refused(scene, other, { op: 'copy', ...at, source: 'theirs/object' })
      t.equal((await done(scene, mine, { op: 'get', ...at })).text, 'mine')
      await failsWith(scene, mine, { op: 'head', bucket, key: 'theirs/copy' }, ['NotFound', '404'])
    }
  },
  {
    title: 'the tenants that may be listed are the buckets',
    async run(scene) {
      const { names } = await done(scene, scene.mine, { op: 'buckets' })
      scene.t.ok(names?.includes('acme-archive'), 'a recorded tenant is named', { names })
      scene.t.same(
        (names ?? []).filter((name) => name.startsWith('sluice')),
        [],
        'no bucket of the upstream is named'
      )
    }
  },
  {
    title: 'a presigned URL reads an object, and one for PUT writes it, with nothing but fetch',
    needs: 'presign',
    async run(scene) {
      const { t, mine, bucket, can } = scene
      const at = { bucket, key: 'presigned/object' }
      await done(scene, mine, { op: 'put', ...at, body: { text: 'read by URL' } })
      const { url = '' } = await done(scene, mine, { op: 'presign', ...at })
      const read = await fetch(url)
      t.same([read.status, await read.text()], [200, 'read by URL'])
      t.equal((await fetch(url.replace('presigned/object', 'presigned/another'))).status, 403, 'and no other object')
      if (!can('presignPut')) return
      const { url: putUrl = '' } = await done(scene, mine, { op: 'presignPut', ...at })
      t.equal((await fetch(putUrl, { method: 'PUT', body: 'written by URL' })).status, 200)
      t.equal((await done(scene, mine, { op: 'get', ...at })).text, 'written by URL')
      t.equal(await (await fetch(url)).text(), 'written by URL')
    }
  }
]

function sorted(keys: readonly string[] | undefined): string[] {
  // S3 lists in the order of UTF-8 bytes.
  return [...(keys ?? [])].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}
