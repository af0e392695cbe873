import assert from 'node:assert/strict'
import { ListObjectsCommand, ListObjectsV2Command, ListObjectVersionsCommand } from '@aws-sdk/client-s3'
import { expectRefusal, type Bench, type Case } from '../case.ts'

const NAMES = ['asdf', 'boo/bar', 'boo/baz/xyzzy', 'cquux/thud', 'cquux/bla', 'zz']

async function fill(bench: Bench, names: readonly string[] = NAMES): Promise<void> {
  for (const name of names) await bench.put(name.split('/').map(encodeURIComponent).join('/'), name)
}

/** Every page of a listing: keys and common prefixes, without the case's own prefix, page by page. */
async function pagesV2(bench: Bench, ask: { readonly Delimiter?: string; readonly MaxKeys: number }): Promise<string[][]> {
  const pages: string[][] = []
  let token: string | undefined
  do {
    const page = await bench.client.send(
      new ListObjectsV2Command({
        Bucket: bench.bucket,
        Prefix: bench.prefix,
        ...ask,
        ...(token === undefined ? {} : { ContinuationToken: token })
      })
    )
    pages.push(namesOf(bench, page))
    assert.equal(page.KeyCount, pages.at(-1)!.length)
    token = page.NextContinuationToken
  } while (token !== undefined)
  return pages
}

interface Listed {
  readonly Contents?: readonly { Key?: string | undefined }[] | undefined
  readonly CommonPrefixes?: readonly { Prefix?: string | undefined }[] | undefined
}

function namesOf(bench: Bench, page: Listed): string[] {
  const names = [...(page.Contents ?? []).map(({ Key }) => Key ?? ''), ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix ?? '')]
  return names.map((name) => name.slice(bench.prefix.length))
}

const list = (bench: Bench, query: string): ReturnType<Bench['raw']> => bench.raw({ method: 'GET', target: `/${bench.bucket}?${query}` })

/** Listings of objects and versions. */
export const LISTING_CASES: readonly Case[] = [
  {
    id: 'list-v2-pages',
    title: 'v2 pages repeat nothing and leave nothing out',
    async run(bench) {
      await fill(bench)
      assert.deepEqual(await pagesV2(bench, { MaxKeys: 2 }), [
        ['asdf', 'boo/bar'],
        ['boo/baz/xyzzy', 'cquux/bla'],
        ['cquux/thud', 'zz']
      ])
    }
  },
  {
    id: 'list-v2-delimiter-pages',
    title: 'a common prefix counts as one entry and is not repeated on the next page',
    async run(bench) {
      await fill(bench)
      assert.deepEqual(await pagesV2(bench, { Delimiter: '/', MaxKeys: 1 }), [['asdf'], ['boo/'], ['cquux/'], ['zz']])
    }
  },
  {
    id: 'list-v1-delimiter-pages',
    title: 'NextMarker of v1 may be a common prefix, which the next page does not repeat',
    async run(bench) {
      await fill(bench)
      const seen: string[] = []
      let marker: string | undefined
      do {
        const ask = {
          Bucket: bench.bucket,
          Prefix: bench.prefix,
          Delimiter: '/',
          MaxKeys: 1,
          ...(marker === undefined ? {} : { Marker: marker })
        }
        const page = await bench.client.send(new ListObjectsCommand(ask))
        seen.push(...namesOf(bench, page))
        marker = page.NextMarker
      } while (marker !== undefined)
      assert.deepEqual(seen, ['asdf', 'boo/', 'cquux/', 'zz'])
    }
  },
  {
    id: 'list-v1-next-marker',
    title: 'NextMarker is the last name shown, and absent without a delimiter',
    async run(bench) {
      await fill(bench)
      const withDelimiter = await list(bench, `delimiter=%2F&max-keys=1&prefix=${bench.prefix}`)
      assert.match(withDelimiter.text, new RegExp(`<NextMarker>${bench.prefix}asdf</NextMarker>`))
      assert.doesNotMatch((await list(bench, `max-keys=1&prefix=${bench.prefix}`)).text, /<NextMarker>/)
    }
  },
  {
    id: 'list-v1-marker-outside',
    title: 'a marker outside the prefix is legal',
    async run(bench) {
      await fill(bench, ['k'])
      const answer = await list(bench, `prefix=${bench.prefix}&marker=a`)
      assert.equal(answer.status, 200)
      assert.match(answer.text, new RegExp(`<Key>${bench.prefix}k</Key>`))
    }
  },
  {
    id: 'list-token-opaque',
    title: 'a continuation token does not show the key',
    async run(bench) {
      await fill(bench)
      const answer = await list(bench, `list-type=2&max-keys=1&prefix=${bench.prefix}`)
      const [, token] = /<NextContinuationToken>([^<]*)</.exec(answer.text) ?? []
      assert.ok(token !== undefined)
      assert.doesNotMatch(Buffer.from(token, 'base64').toString('latin1'), /asdf/)
    }
  },
  {
    id: 'list-start-after',
    title: 'start-after begins behind the name, and a token beside it wins while both are echoed',
    async run(bench) {
      await fill(bench)
      const first = await list(bench, `list-type=2&prefix=${bench.prefix}&start-after=${bench.prefix}boo&max-keys=1`)
      assert.match(first.text, /<Key>[^<]*boo\/bar<\/Key>/)
      const [, token] = /<NextContinuationToken>([^<]*)</.exec(first.text) ?? []
      const query = `list-type=2&prefix=${bench.prefix}&start-after=${bench.prefix}zz&continuation-token=${encodeURIComponent(token ?? '')}`
      const second = await list(bench, query)
      assert.match(second.text, /<Key>[^<]*boo\/baz\/xyzzy<\/Key>/)
      assert.match(second.text, /<ContinuationToken>.*<StartAfter>|<StartAfter>.*<ContinuationToken>/s)
    }
  },
  {
    id: 'list-order',
    title: 'keys come in the order of their UTF-8 bytes',
    async run(bench) {
      const names = ['B', 'a', 'é', '\uff5e', '😀']
      await fill(bench, [...names].reverse())
      assert.deepEqual((await pagesV2(bench, { MaxKeys: 1000 }))[0], names)
    }
  },
  ...['a', '%', ' ', '\n', '//'].map((delimiter, index): Case => ({
    id: `list-delimiter-${index}`,
    title: `${JSON.stringify(delimiter)} is a delimiter like any other`,
    async run(bench) {
      await fill(
        bench,
        [`x${delimiter.replace('//', '/')}${delimiter}y`, `x${delimiter}z`, 'x'].filter((name) => !name.includes('//'))
      )
      const page = await bench.client.send(new ListObjectsV2Command({ Bucket: bench.bucket, Prefix: bench.prefix, Delimiter: delimiter }))
      const expected = delimiter === '//' ? ['x'] : ['x', `x${delimiter}`]
      assert.deepEqual(namesOf(bench, page), expected)
    }
  })),
  {
    id: 'list-delimiter-in-prefix',
    title: 'the prefix is cut before the delimiter is looked for',
    async run(bench) {
      await fill(bench, ['aaa', 'ab'])
      const page = await bench.client.send(new ListObjectsV2Command({ Bucket: bench.bucket, Prefix: bench.key('a'), Delimiter: 'a' }))
      assert.deepEqual(namesOf(bench, page), ['ab', 'aa'])
    }
  },
  {
    id: 'list-empty-delimiter',
    title: 'an empty delimiter is not echoed',
    async run(bench) {
      await fill(bench, ['k'])
      assert.doesNotMatch((await list(bench, `list-type=2&delimiter=&prefix=${bench.prefix}`)).text, /<Delimiter>/)
    }
  },
  {
    id: 'list-max-zero',
    title: 'max-keys=0 is an empty page that is not truncated',
    async run(bench) {
      await fill(bench, ['k'])
      const answer = await list(bench, `list-type=2&max-keys=0&prefix=${bench.prefix}`)
      assert.equal(answer.status, 200)
      assert.match(answer.text, /<IsTruncated>false</)
      assert.doesNotMatch(answer.text, /<Contents>/)
    }
  },
  ...['-1', 'abc'].map((value): Case => ({
    id: `list-max-${value}`,
    title: `max-keys=${value} is InvalidArgument`,
    async run(bench) {
      expectRefusal(await list(bench, `list-type=2&max-keys=${value}`), 400, 'InvalidArgument')
    }
  })),
  {
    id: 'list-max-capped',
    title: 'max-keys above 1000 is echoed as 1000',
    async run(bench) {
      assert.match((await list(bench, `list-type=2&max-keys=5000&prefix=${bench.prefix}`)).text, /<MaxKeys>1000</)
    }
  },
  {
    id: 'list-encoding',
    title: 'encoding-type=url encodes keys, prefixes and delimiters and keeps the slash',
    async run(bench) {
      await fill(bench, ['q+r/s', 'q&r'])
      const answer = await list(bench, `list-type=2&encoding-type=url&delimiter=%2F&prefix=${encodeURIComponent(bench.prefix)}`)
      assert.match(answer.text, new RegExp(`<Prefix>${bench.prefix}q%2Br/</Prefix>`))
      assert.match(answer.text, /<Key>[^<]*q%26r<\/Key>/)
      assert.match(answer.text, /<EncodingType>url</)
      assert.match(answer.text, /<Delimiter>\/</)
    }
  },
  {
    id: 'list-control-encoded',
    title: 'a control character in a listing asked with encoding-type=url is percent-encoded',
    async run(bench) {
      await bench.put('%01', 'x')
      const answer = await list(bench, `list-type=2&encoding-type=url&prefix=${encodeURIComponent(bench.prefix)}`)
      assert.match(answer.text, /<Key>[^<]*%01<\/Key>/)
    }
  },
  {
    id: 'list-owner',
    title: 'the owner is in v1 always and in v2 when asked for',
    async run(bench) {
      await fill(bench, ['k'])
      assert.match((await list(bench, `prefix=${bench.prefix}`)).text, /<Owner>/)
      assert.doesNotMatch((await list(bench, `list-type=2&prefix=${bench.prefix}`)).text, /<Owner>/)
      assert.match((await list(bench, `list-type=2&fetch-owner=true&prefix=${bench.prefix}`)).text, /<Owner>/)
    }
  },
  {
    id: 'list-versions-unversioned',
    title: 'a bucket without versioning lists its objects as version null',
    async run(bench) {
      await fill(bench, ['k'])
      const page = await bench.client.send(new ListObjectVersionsCommand({ Bucket: bench.bucket, Prefix: bench.prefix }))
      assert.deepEqual(
        page.Versions?.map(({ VersionId, IsLatest }) => [VersionId, IsLatest]),
        [['null', true]]
      )
    }
  }
]
