import type { Test } from 'tap'
import { deleteBody, md5, seed } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'
import { ADOPTED, PLACES } from './rig-config.ts'

/** S-22: a batch is judged key by key. */
export async function batches(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  const { a1, a2, b1 } = rig.callers
  for (const place of ['awstag', 'miniotag']) {
    await seed(rig, a1, `/ta-${place}/mine`)
    await seed(rig, a2, `/ta-${place}/others`)
    await seed(rig, b1, `/tb-${place}/secret`)
  }
  for (const place of ['awstag', 'miniotag'] as const) {
    await documents(t, rig, place)
    await mixed(t, rig, place)
  }
  await adopted(t, rig)
}

const BOMB = `<!DOCTYPE Delete [<!ENTITY a "${'k'.repeat(50)}">${Array.from({ length: 9 }, (_, index) => `<!ENTITY ${'bcdefghij'[index]} "${`&${'abcdefghi'[index]};`.repeat(10)}">`).join('')}]>`

/** Bodies of DeleteObjects that name the caller's own key and are refused all the same. */
function badDocuments(): readonly (readonly [why: string, body: string, code: string])[] {
  const good = '<Object><Key>mine</Key></Object>'
  return [
    ['entities that grow without end', `${BOMB}<Delete><Object><Key>&j;</Key></Object></Delete>`, 'MalformedXML'],
    [
      'an entity of a file',
      `<!DOCTYPE Delete [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&x;</Key></Object></Delete>`,
      'MalformedXML'
    ],
    ['a document type alone', `<!DOCTYPE Delete><Delete>${good}</Delete>`, 'MalformedXML'],
    ['a document type behind the root’s name', `<Delete><!DOCTYPE x>${good}</Delete>`, 'MalformedXML'],
    ['an entity that nobody declared', '<Delete><Object><Key>&nbsp;</Key></Object></Delete>', 'MalformedXML'],
    ['1001 keys', `<Delete>${'<Object><Key>mine</Key></Object>'.repeat(1001)}</Delete>`, 'MalformedXML'],
    ['no key', '<Delete></Delete>', 'MalformedXML'],
    ['an empty body', '', 'MalformedXML'],
    ['an empty key', '<Delete><Object><Key></Key></Object></Delete>', 'UserKeyMustBeSpecified'],
    ['an object without a key', '<Delete><Object></Object></Delete>', 'MalformedXML'],
    ['two keys in one object', '<Delete><Object><Key>mine</Key><Key>others</Key></Object></Delete>', 'MalformedXML'],
    [
      'two versions in one object',
      '<Delete><Object><Key>mine</Key><VersionId>a</VersionId><VersionId>b</VersionId></Object></Delete>',
      'MalformedXML'
    ],
    ['a key in lower case', '<Delete><Object><key>mine</key></Object></Delete>', 'MalformedXML'],
    ['an object in lower case', '<Delete><object><Key>mine</Key></object></Delete>', 'MalformedXML'],
    ['a root in lower case', `<delete>${good}</delete>`, 'MalformedXML'],
    ['another root', `<DeleteRequest>${good}</DeleteRequest>`, 'MalformedXML'],
    ['two roots', `<Delete>${good}</Delete><Delete>${good}</Delete>`, 'MalformedXML'],
    ['text behind the root', `<Delete>${good}</Delete>x`, 'MalformedXML'],
    ['an element that S3 does not know', `<Delete>${good}<Bucket>tb-awstag</Bucket></Delete>`, 'MalformedXML'],
    ['a prototype for an element', `<Delete>${good}<__proto__><Key>x</Key></__proto__></Delete>`, 'MalformedXML'],
    ['a prototype for an object', '<Delete><__proto__><Key>mine</Key></__proto__></Delete>', 'MalformedXML'],
    ['a prototype inside an object', '<Delete><Object><Key>mine</Key><__proto__>x</__proto__></Object></Delete>', 'MalformedXML'],
    ['a constructor for an element', `<Delete>${good}<constructor>x</constructor></Delete>`, 'MalformedXML'],
    ['an element that is not closed', '<Delete><Object><Key>mine</Object></Delete>', 'MalformedXML'],
    ['an end without a beginning', `<Delete>${good}</Delete></Delete>`, 'MalformedXML'],
    ['a condition that is not S3’s', '<Delete><Object><Key>mine</Key><Size>1</Size></Object></Delete>', 'NotImplemented'],
    ['Quiet that is neither', `<Delete><Quiet>maybe</Quiet>${good}</Delete>`, 'MalformedXML'],
    ['UTF-16', Buffer.from(`\ufeff<Delete>${good}</Delete>`, 'utf16le').toString('latin1'), 'MalformedXML'],
    ['another encoding in its declaration', `<?xml version="1.0" encoding="UTF-7"?><Delete>${good}</Delete>`, 'MalformedXML'],
    ['bytes that are no UTF-8', '<Delete><Object><Key>\u00ff\u00fe</Key></Object></Delete>', 'MalformedXML'],
    ['a control character', '<Delete><Object><Key>a\u0001b</Key></Object></Delete>', 'MalformedXML'],
    ['a reference to a control character', '<Delete><Object><Key>a&#1;b</Key></Object></Delete>', 'MalformedXML'],
    ['a reference to NUL', '<Delete><Object><Key>a&#0;b</Key></Object></Delete>', 'MalformedXML'],
    ['a reference beyond Unicode', '<Delete><Object><Key>a&#x110000;b</Key></Object></Delete>', 'MalformedXML'],
    ['half a surrogate pair', '<Delete><Object><Key>a&#xd800;b</Key></Object></Delete>', 'MalformedXML'],
    ['depth without end', `${'<Delete>'.repeat(400)}${'</Delete>'.repeat(400)}`, 'MalformedXML'],
    ['tags without end', `<Delete>${'<a/>'.repeat(100_000)}</Delete>`, 'MalformedXML'],
    ['more bytes than are read', `<Delete>${' '.repeat(2_200_000)}${good}</Delete>`, 'MalformedXML'],
    ['JSON', '{"Objects":[{"Key":"mine"}]}', 'MalformedXML']
  ]
}

async function documents(t: Test, rig: Rig, place: 'awstag' | 'miniotag'): Promise<void> {
  const { a1 } = rig.callers
  const target = `/ta-${place}?delete`
  await t.test(`S-22: a batch that is not plainly one deletes nothing, not even what it may (${place})`, async (t) => {
    for (const [why, body, code] of badDocuments()) {
      const bytes = Buffer.from(body, 'latin1')
      await refused(t, rig, { why, call: { method: 'POST', target, as: a1, body: bytes, headers: [['content-md5', md5(bytes)]] }, code })
    }
    const body = deleteBody('<Key>mine</Key>')
    for (const [why, headers, code] of [
      ['no digest', [], 'InvalidRequest'],
      ['a digest of other bytes', [['content-md5', md5('x')]], 'BadDigest'],
      ['a digest that is none', [['content-md5', 'x']], 'InvalidDigest'],
      ['a checksum of other bytes', [['x-amz-checksum-crc32', 'AAAAAA==']], 'BadDigest'],
      [
        'two checksums',
        [
          ['x-amz-checksum-crc32', 'AAAAAA=='],
          ['x-amz-checksum-sha1', 'AAAA']
        ],
        'InvalidRequest'
      ],
      ['an algorithm without a checksum', [['x-amz-sdk-checksum-algorithm', 'CRC32']], 'InvalidRequest']
    ] as const) {
      await refused(t, rig, {
        why,
        call: { method: 'POST', target, as: a1, body, headers: headers as unknown as Call['headers'] & object },
        code
      })
    }
    await refused(t, rig, {
      why: 'another payload than was signed',
      call: { method: 'POST', target, as: a1, body, payload: 'a'.repeat(64), headers: [['content-md5', md5(body)]] },
      code: 'XAmzContentSHA256Mismatch'
    })
    const waiting: Call = {
      method: 'POST',
      target,
      as: a1,
      payload: 'UNSIGNED-PAYLOAD',
      headers: [
        ['content-md5', md5('')],
        ['content-length', '3000000']
      ]
    }
    await refused(t, rig, { why: 'a body that is announced as too large is not waited for', call: waiting, code: 'MalformedXML' })
  })
}

async function mixed(t: Test, rig: Rig, place: 'awstag' | 'miniotag'): Promise<void> {
  const { a1 } = rig.callers
  const { store, bucket } = PLACES[place === 'awstag' ? 'awsTag' : 'minioTag']
  await t.test(`S-22: each key of a batch is judged by itself and answered by itself (${place})`, async (t) => {
    for (const key of ['one', 'two', 'three']) await seed(rig, a1, `/ta-${place}/${key}`)
    const keys = [
      'one',
      'others',
      'missing',
      '../tb-awstag/secret',
      'two',
      'one',
      '..',
      'a/./b',
      `/tb-${place}/secret`,
      'k'.repeat(1020),
      'two',
      '&lt;x&gt;',
      't<!-- -->hree',
      '<![CDATA[others]]>'
    ]
    const body = deleteBody(...keys.map((key) => `<Key>${key}</Key>`))
    const { text, upstream } = await succeeds(t, rig, 'a mixed batch', {
      method: 'POST',
      target: `/ta-${place}?delete`,
      as: a1,
      body,
      headers: [['content-md5', md5(body)]]
    })
    const errors = [...text.matchAll(/<Error><Key>([^<]*)<\/Key><Code>([^<]*)<\/Code>/g)].map(([, key = '', code]) => [
      key.slice(0, 24),
      code
    ])
    t.same(errors, [
      ['others', 'AccessDenied'],
      ['../tb-awstag/secret', 'InvalidURI'],
      ['..', 'InvalidURI'],
      ['a/./b', 'InvalidURI'],
      // MinIO takes no two slashes in a row.
      ...(place === 'miniotag' ? [[`/tb-${place}/secret`, 'ServiceUnavailable']] : []),
      ['k'.repeat(24), 'KeyTooLongError'],
      ['others', 'AccessDenied']
    ])
    t.same(
      [...rig.stores[store].objects(bucket)]
        .filter(([, [latest]]) => latest?.isMarker === false)
        .map(([key]) => key)
        .sort(),
      [`ta-${place}/mine`, `ta-${place}/others`, `tb-${place}/secret`]
    )
    const sent = upstream
      .filter(({ operation }) => operation === 'DeleteObjects')
      .map(({ document }) => document ?? '')
      .join('')
    t.notMatch(sent, /others|secret|\.\./, 'what is refused is not sent')
    t.equal(sent.match(/ta-(awstag|miniotag)\/one</g)?.length, 1, 'a key that is named twice is sent once')
  })
  await t.test(`S-22: a batch of nothing but others’ keys sends no delete (${place})`, async (t) => {
    const body = deleteBody('<Key>others</Key>', '<Key>others</Key><VersionId>null</VersionId>')
    const before = rig.state()
    const { text, upstream } = await rig.send({
      method: 'POST',
      target: `/ta-${place}?delete`,
      as: a1,
      body,
      headers: [['content-md5', md5(body)]]
    })
    t.equal(text.match(/<Code>AccessDenied<\/Code>/g)?.length, 2)
    t.notOk(upstream.some(({ method }) => method === 'POST' || method === 'DELETE'))
    t.equal(rig.state(), before)
  })
  await t.test(`S-22: the keys of a batch are those of the addressed tenant, whatever else is written (${place})`, async (t) => {
    const body = deleteBody('<Key>secret</Key>')
    for (const [query, code] of [
      [`?delete&bucket=tb-${place}`, 'NotImplemented'],
      ['?delete&x-id=DeleteObjects', null]
    ] as const) {
      const call: Call = { method: 'POST', target: `/ta-${place}${query}`, as: a1, body, headers: [['content-md5', md5(body)]] }
      const { code: got } = await rig.send(call)
      t.equal(got, code, query)
    }
    t.ok(rig.stores[store].objects(bucket).has(`tb-${place}/secret`))
  })
}

/** MinIO drops a leading slash: where a tenant has a bucket of its own, two names would be one object. */
async function adopted(t: Test, rig: Rig): Promise<void> {
  const { a1 } = rig.callers
  const guarded = rig.caller('a1', 'guarded')
  await t.test('S-5: a key that the upstream would fold onto another one is refused wherever it may stand', async (t) => {
    await seed(rig, a1, `/${ADOPTED.tenant}/guarded`)
    for (const key of ['guarded', '/guarded', '//guarded']) {
      const encoded = key.replaceAll('/', '%2F')
      const code = key === 'guarded' ? 'AccessDenied' : 'InvalidArgument'
      await refused(t, rig, { why: `GET ${key}`, call: { method: 'GET', target: `/${ADOPTED.tenant}/${encoded}`, as: guarded }, code })
      await refused(t, rig, {
        why: `copy of ${key}`,
        call: {
          method: 'PUT',
          target: `/${ADOPTED.tenant}/copy`,
          as: guarded,
          headers: [['x-amz-copy-source', `${ADOPTED.tenant}/${encoded}`]]
        },
        code
      })
      const body = deleteBody(`<Key>${key}</Key>`)
      const before = rig.state()
      const { text } = await rig.send({
        method: 'POST',
        target: `/${ADOPTED.tenant}?delete`,
        as: guarded,
        body,
        headers: [['content-md5', md5(body)]]
      })
      t.match(text, `<Code>${code}</Code>`, `batch with ${key}`)
      t.equal(rig.state(), before)
    }
  })
}
