import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { isKnownHeader } from '../../../proxy/s3/headers.ts'
import { OPERATIONS, OPERATION_NAMES } from '../../../proxy/s3/operations.ts'
import { DISCRIMINATING_QUERY } from '../../../proxy/s3/recognize.ts'

const sdk = dirname(fileURLToPath(import.meta.resolve('@aws-sdk/client-s3/package.json')))
const source = globSync('dist-es/schemas/*.js', { cwd: sdk })
  .map((file) => readFileSync(join(sdk, file), 'utf8'))
  .join('\n')

t.test('every sub-resource that the AWS SDK sends is one we know, so that it can be refused', async (t) => {
  const routes = [...source.matchAll(/\["(?:GET|PUT|POST|HEAD|DELETE)", *"(\/[^"]*)"/g)]
  t.ok(routes.length > 90)
  for (const [, uri = ''] of routes) {
    for (const parameter of (uri.split('?')[1] ?? '').split('&')) {
      const name = parameter.split('=')[0] ?? ''
      if (name === '' || name === 'x-id') continue
      t.ok(DISCRIMINATING_QUERY.has(name), `S3 has the sub-resource ${name}`)
    }
  }
})

/** Headers that S3 only ever answers with. */
const ANSWERED = new Set(
  `abort-date abort-rule-id access-point-alias archive-status bucket-arn bucket-location-name bucket-location-type bucket-region
  copy-source-version-id delete-marker expiration missing-meta mp-parts-count object-size replication-status request-charged restore
  tagging-count version-id`
    .split(/\s+/)
    .map((name) => `x-amz-${name}`)
)

t.test('every x-amz-* header that the AWS SDK may send has a rule', async (t) => {
  const headers = new Set([...source.matchAll(/"(x-amz-[a-z0-9-]*)"/gi)].map(([, name = '']) => name.toLowerCase()))
  t.ok(headers.size > 90)
  for (const name of headers) {
    if (ANSWERED.has(name)) continue
    t.ok(isKnownHeader(name), `S3 has the header ${name}`)
  }
})

t.test('every operation of the table but the names of its own is one of the AWS SDK', async (t) => {
  const commands = new Set(globSync('dist-es/commands/*Command.js', { cwd: sdk }).map((file) => file.replace(/.*\/|Command\.js$/g, '')))
  for (const name of OPERATION_NAMES) {
    // Sent by browsers and not by SDKs; AWS's reference of the API has it under this name.
    if (name !== 'PostObject') t.ok(commands.has(name), `${name} is a command of the SDK`)
  }
  t.equal(OPERATION_NAMES.length, Object.keys(OPERATIONS).length)
})
