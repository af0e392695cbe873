import type { Test } from 'tap'
import { beginUpload, deleteBody, md5, seed } from './calls.ts'
import { refused, succeeds } from './refusal.ts'
import type { Call, Rig } from './rig.ts'

/** What a policy says holds of the very thing that is read or changed, however the request is written. */
export async function policies(t: Test, rig: Rig): Promise<void> {
  rig.clear()
  const { a1, a2, b1, w1 } = rig.callers
  for (const tenant of ['ta-awstag', 'ta-awsmeta', 'ta-miniotag', 'ta-miniometa']) {
    await seed(rig, a1, `/${tenant}/mine`)
    await seed(rig, a2, `/${tenant}/others`)
  }
  await seed(rig, b1, '/tb-awstag/secret')
  await seed(rig, w1, '/tb-awstag/wide')
  await narrowRoles(t, rig)
  await versionsAndTags(t, rig)
}

async function narrowRoles(t: Test, rig: Rig): Promise<void> {
  const { a1, w1 } = rig.callers
  await t.test('a policy about prefixes holds for every listing', async (t) => {
    const open = rig.caller('a1', 'open-folder')
    await succeeds(t, rig, 'below the prefix', { method: 'GET', target: '/ta-awstag?prefix=open/', as: open })
    await succeeds(t, rig, 'further below', { method: 'GET', target: '/ta-awstag?list-type=2&prefix=open%2Fx', as: open })
    for (const query of [
      '',
      '?prefix=',
      '?prefix=ope',
      '?prefix=open',
      '?prefix=OPEN/',
      '?prefix=%2Fopen/',
      '?list-type=2',
      '?list-type=2&prefix=mine',
      '?list-type=2&start-after=open/&delimiter=/',
      '?marker=open/',
      '?versions&prefix=open/',
      '?uploads&prefix=open/',
      '?delimiter=open/'
    ]) {
      await refused(t, rig, { why: query, call: { method: 'GET', target: `/ta-awstag${query}`, as: open }, code: 'AccessDenied' })
    }
    await refused(t, rig, { why: 'HeadBucket', call: { method: 'HEAD', target: '/ta-awstag', as: open }, code: null, status: 403 })
    for (const key of ['openx', 'open', 'mine', 'OPEN/x', 'open%252Fx']) {
      await refused(t, rig, { why: key, call: { method: 'GET', target: `/ta-awstag/${key}`, as: open }, code: 'AccessDenied' })
    }
  })
  await t.test('a policy about a tenant asks the tenant of what is read, also where it is the source of a copy to another', async (t) => {
    const caller = rig.caller('w1', 'reads-one-tenant')
    await succeeds(t, rig, 'from the tenant it may read to one it may write', {
      method: 'PUT',
      target: '/tb-awstag/got',
      as: caller,
      headers: [['x-amz-copy-source', 'ta-awstag/mine']]
    })
    for (const target of ['/ta-awstag/got', '/tb-awstag/got2', '/ta-miniotag/got']) {
      await refused(t, rig, {
        why: `to ${target}`,
        call: { method: 'PUT', target, as: caller, headers: [['x-amz-copy-source', 'tb-awstag/secret']] },
        code: 'AccessDenied'
      })
    }
    const { uploadId } = await beginUpload(rig, caller, '/ta-awstag/parts')
    await refused(t, rig, {
      why: 'as a part',
      call: {
        method: 'PUT',
        target: `/ta-awstag/parts?partNumber=2&uploadId=${uploadId}`,
        as: caller,
        headers: [['x-amz-copy-source', 'tb-awstag/secret']]
      },
      code: 'AccessDenied'
    })
  })
  await t.test('a policy about copy sources asks what is read, however it is written', async (t) => {
    const guarded = rig.caller('w1', 'guarded')
    await seed(rig, w1, '/ta-awstag/guarded/x')
    await seed(rig, w1, '/ta-awstag/free/x')
    await succeeds(t, rig, 'another folder', {
      method: 'PUT',
      target: '/ta-awstag/copied',
      as: guarded,
      headers: [['x-amz-copy-source', 'ta-awstag/free/x']]
    })
    for (const source of [
      'ta-awstag/guarded/x',
      '/ta-awstag/guarded/x',
      'ta-awstag/%67uarded/x',
      '%2Fta-awstag%2Fguarded%2Fx',
      'ta-awstag%2Fguarded%2Fx',
      'ta-awstag/guarded/x?versionId=null'
    ]) {
      await refused(t, rig, {
        why: source,
        call: { method: 'PUT', target: '/ta-awstag/copied', as: guarded, headers: [['x-amz-copy-source', source]] },
        code: 'AccessDenied'
      })
    }
  })
  await t.test('ownership is asked of every built-in role, an admin’s too', async (t) => {
    const admin = rig.caller('a1', 'admin-a')
    for (const call of [{ method: 'GET' }, { method: 'PUT', body: 'x' }, { method: 'DELETE' }]) {
      await refused(t, rig, {
        why: call.method,
        call: { ...call, target: '/ta-awstag/others', as: admin },
        code: 'AccessDenied',
        reach: 'reads'
      })
    }
    await succeeds(t, rig, 'its own it may', { method: 'GET', target: '/ta-awstag/mine', as: { ...a1, role: admin.role } })
  })
}

async function versionsAndTags(t: Test, rig: Rig): Promise<void> {
  const { w1, a1 } = rig.callers
  await t.test('a policy about versions is asked about each version of a batch and about that of a copy’s source', async (t) => {
    const guarded = rig.caller('w1', 'guarded')
    await seed(rig, w1, '/ta-awstag/versioned')
    const call: Omit<Call, 'as'> = { method: 'DELETE', target: '/ta-awstag/versioned?versionId=null' }
    await refused(t, rig, { why: 'one delete', call: { ...call, as: guarded }, code: 'AccessDenied' })
    const body = deleteBody('<Key>versioned</Key><VersionId>null</VersionId>')
    const before = rig.state()
    const { text, upstream } = await rig.send({
      method: 'POST',
      target: '/ta-awstag?delete',
      as: guarded,
      body,
      headers: [['content-md5', md5(body)]]
    })
    t.match(text, '<Code>AccessDenied</Code>', 'the same delete in a batch')
    t.same([upstream, rig.state()], [[], before])
    await refused(t, rig, {
      why: 'a read',
      call: { method: 'GET', target: '/ta-awstag/versioned?versionId=null', as: guarded },
      code: 'AccessDenied'
    })
    await refused(t, rig, {
      why: 'the source of a copy',
      call: {
        method: 'PUT',
        target: '/ta-awstag/copied',
        as: guarded,
        headers: [['x-amz-copy-source', 'ta-awstag/versioned?versionId=null']]
      },
      code: 'AccessDenied'
    })
    await succeeds(t, rig, 'without a version it may', {
      method: 'PUT',
      target: '/ta-awstag/copied',
      as: guarded,
      headers: [['x-amz-copy-source', 'ta-awstag/versioned']]
    })
  })
  for (const tenant of ['ta-awstag', 'ta-awsmeta', 'ta-miniotag', 'ta-miniometa']) {
    await t.test(`a policy about an object’s tags is asked with its tags, in a batch too (${tenant})`, async (t) => {
      const caller = rig.caller('a1', 'unlocked')
      await succeeds(t, rig, 'a locked object', {
        method: 'PUT',
        target: `/${tenant}/locked`,
        as: a1,
        body: 'x',
        headers: [['x-amz-tagging', 'locked=yes']]
      })
      await succeeds(t, rig, 'a free one', { method: 'PUT', target: `/${tenant}/free`, as: a1, body: 'x' })
      await refused(t, rig, {
        why: 'read',
        call: { method: 'GET', target: `/${tenant}/locked`, as: caller },
        code: 'AccessDenied',
        reach: 'reads'
      })
      await refused(t, rig, {
        why: 'overwritten',
        call: { method: 'PUT', target: `/${tenant}/locked`, as: caller, body: 'y' },
        code: 'AccessDenied',
        reach: 'noWrite'
      })
      await refused(t, rig, {
        why: 'deleted',
        call: { method: 'DELETE', target: `/${tenant}/locked`, as: caller },
        code: 'AccessDenied',
        reach: 'looks'
      })
      await refused(t, rig, {
        why: 'copied',
        call: { method: 'PUT', target: `/${tenant}/copied`, as: caller, headers: [['x-amz-copy-source', `${tenant}/locked`]] },
        code: 'AccessDenied',
        reach: 'reads'
      })
      const body = deleteBody('<Key>locked</Key>', '<Key>others</Key>', '<Key>free</Key>')
      const { text, status } = await rig.send({
        method: 'POST',
        target: `/${tenant}?delete`,
        as: caller,
        body,
        headers: [['content-md5', md5(body)]]
      })
      t.same(
        [
          status,
          [...text.matchAll(/<Error><Key>([^<]*)<\/Key><Code>([^<]*)</g)].map(([, key, code]) => [key, code]),
          /<Deleted><Key>free<\/Key>/.test(text)
        ],
        [
          200,
          [
            ['locked', 'AccessDenied'],
            ['others', 'AccessDenied']
          ],
          true
        ],
        'each key of a batch is judged by its own tags'
      )
      const gone = await rig.send({ method: 'HEAD', target: `/${tenant}/free`, as: a1 })
      t.equal(gone.status, 404)
    })
  }
}
