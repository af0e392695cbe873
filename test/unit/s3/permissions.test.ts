import t from 'tap'
import { HeaderView } from '../../../proxy/s3/header-view.ts'
import { OPERATIONS, type OperationName } from '../../../proxy/s3/operations.ts'
import type { OperationRow } from '../../../proxy/s3/operation-row.ts'
import { isAskedOfKey, permissionsAsked } from '../../../proxy/s3/permissions.ts'
import { parseQuery } from '../../../proxy/s3/query.ts'

const asked = (name: OperationName, sent: { query?: string; headers?: string[]; copySourceHasVersion?: boolean } = {}): string[] =>
  permissionsAsked(OPERATIONS[name], {
    query: parseQuery(sent.query ?? ''),
    headers: new HeaderView(sent.headers ?? []),
    copySourceHasVersion: sent.copySourceHasVersion ?? false
  }).map(({ action, on }) => `${action} ${on}`)

const CASES: readonly [why: string, asked: string[], expected: string[]][] = [
  ['a read', asked('GetObject'), ['s3:GetObject object']],
  ['a read of a version', asked('GetObject', { query: 'versionId=v' }), ['s3:GetObjectVersion object']],
  ['a write', asked('PutObject'), ['s3:PutObject object']],
  ['a write with tags', asked('PutObject', { headers: ['x-amz-tagging', 'a=b'] }), ['s3:PutObject object', 's3:PutObjectTagging object']],
  ['a write if the content is known', asked('PutObject', { headers: ['If-Match', '"e"'] }), ['s3:PutObject object', 's3:GetObject object']],
  ['a copy', asked('CopyObject'), ['s3:PutObject object', 's3:GetObject copySource', 's3:GetObjectTagging copySource']],
  [
    'a copy of a version',
    asked('CopyObject', { copySourceHasVersion: true }),
    ['s3:PutObject object', 's3:GetObjectVersion copySource', 's3:GetObjectVersionTagging copySource']
  ],
  [
    'a copy with other tags',
    asked('CopyObject', { headers: ['x-amz-tagging-directive', 'replace', 'x-amz-tagging', 'a=b'] }),
    ['s3:PutObject object', 's3:GetObject copySource', 's3:PutObjectTagging object']
  ],
  [
    'a copy that says to copy tags',
    asked('CopyObject', { headers: ['x-amz-tagging-directive', 'COPY'] }),
    ['s3:PutObject object', 's3:GetObject copySource', 's3:GetObjectTagging copySource']
  ],
  [
    'a part copied from a version',
    asked('UploadPartCopy', { copySourceHasVersion: true }),
    ['s3:PutObject object', 's3:GetObjectVersion copySource']
  ]
]
for (const [why, actions, expected] of CASES) {
  t.test(`${why} asks for ${expected.join(' and ')}`, async (t) => t.same(actions, expected))
}

t.test('a batch delete asks for each key what the key needs', async (t) => {
  const row: OperationRow = OPERATIONS.DeleteObjects
  t.same(asked('DeleteObjects'), ['s3:DeleteObject eachKeyInBody', 's3:DeleteObjectVersion eachKeyInBody'])
  const actionsFor = (hasVersion: boolean): string[] =>
    row.permissions.filter((each) => isAskedOfKey(each, hasVersion)).map(({ action }) => action)
  t.same(actionsFor(false), ['s3:DeleteObject'])
  t.same(actionsFor(true), ['s3:DeleteObjectVersion'])
})
