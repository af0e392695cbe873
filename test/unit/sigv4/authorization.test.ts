import t from 'tap'
import { checkScope, parseAuthorization } from '../../../proxy/sigv4/authorization.ts'
import { SigV4Problem, type SigV4ProblemKind } from '../../../proxy/sigv4/problem.ts'

const SIGNATURE = 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'
const CREDENTIAL = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request'
const header = (credential: string, signedHeaders = 'host;x-amz-date', signature = SIGNATURE): string =>
  `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders}, Signature=${signature}`

const ACCEPTED = [
  { why: 'a space behind each comma, as the AWS SDKs write it', value: header(CREDENTIAL) },
  { why: 'no space behind the comma, as s3cmd writes it', value: header(CREDENTIAL).replaceAll(', ', ',') },
  {
    why: 'another order of the components',
    value: `AWS4-HMAC-SHA256 Signature=${SIGNATURE}, SignedHeaders=host;x-amz-date, Credential=${CREDENTIAL}`
  }
]
for (const { why, value } of ACCEPTED) {
  t.test(`an Authorization header is read into its parts: ${why}`, async (t) => {
    t.same(parseAuthorization(value), {
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
      day: '20130524',
      region: 'us-east-1',
      service: 's3',
      signedHeaders: ['host', 'x-amz-date'],
      signature: SIGNATURE
    })
  })
}

t.test('an Authorization header keeps the order in which the client signed its headers', async (t) => {
  t.same(parseAuthorization(header(CREDENTIAL, 'x-amz-meta-ab;x-amz-meta-a_b;host')).signedHeaders, [
    'x-amz-meta-ab',
    'x-amz-meta-a_b',
    'host'
  ])
})

const REFUSED: { why: string; value: string; kind?: SigV4ProblemKind; message: RegExp }[] = [
  { why: 'no components', value: 'AWS4-HMAC-SHA256', message: /component/ },
  { why: 'no Signature', value: header(CREDENTIAL).replace(/, Signature.*/, ''), message: /requires three components/ },
  { why: 'no SignedHeaders', value: header(CREDENTIAL).replace(/SignedHeaders=[^,]*, /, ''), message: /requires three components/ },
  { why: 'no Credential', value: header(CREDENTIAL).replace(/Credential=[^,]*, /, ''), message: /requires three components/ },
  { why: 'a component twice', value: `${header(CREDENTIAL)}, Signature=${SIGNATURE}`, message: /once/ },
  { why: 'a component nobody knows', value: `${header(CREDENTIAL)}, Extra=1`, message: /"Extra=1" is malformed/ },
  { why: 'an empty component', value: header(CREDENTIAL, 'host', ''), message: /"Signature=" is malformed/ },
  { why: 'a comma at the end', value: `${header(CREDENTIAL)},`, message: /"" is malformed/ },
  { why: 'two spaces behind the algorithm', value: header(CREDENTIAL).replace(' ', '  '), message: /malformed/ },
  { why: 'two spaces behind a comma', value: header(CREDENTIAL).replace(', ', ',  '), message: /malformed/ },
  { why: 'a tab for a space', value: header(CREDENTIAL).replace(', ', ',\t'), message: /malformed/ },
  { why: 'space before a comma', value: header(CREDENTIAL).replace(',', ' ,'), message: /malformed/ },
  { why: 'four parts of a credential', value: header('AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3'), message: /expecting "<YOUR-AKID>/ },
  { why: 'six parts of a credential', value: header(`${CREDENTIAL}/x`), message: /expecting "<YOUR-AKID>/ },
  { why: 'another terminal', value: header(CREDENTIAL.replace('aws4', 'aws5')), message: /incorrect terminal "aws5_request"/ },
  { why: 'another service', value: header(CREDENTIAL.replace('/s3/', '/ec2/')), message: /incorrect service "ec2"/ },
  { why: 'a day too short', value: header(CREDENTIAL.replace('20130524', '2013')), message: /incorrect date format "2013"/ },
  { why: 'a time for a day', value: header(CREDENTIAL.replace('20130524', '20130524T000000Z')), message: /incorrect date format/ },
  { why: 'a header name in upper case', value: header(CREDENTIAL, 'Host;x-amz-date'), message: /SignedHeaders/ },
  { why: 'an empty header name first', value: header(CREDENTIAL, ';host'), message: /SignedHeaders/ },
  { why: 'an empty header name in the middle', value: header(CREDENTIAL, 'host;;x-amz-date'), message: /SignedHeaders/ },
  { why: 'an empty header name last', value: header(CREDENTIAL, 'host;'), message: /SignedHeaders/ },
  { why: 'a header name twice', value: header(CREDENTIAL, 'host;x-amz-date;host'), message: /SignedHeaders.*repeats/ },
  { why: 'a colon in a header name', value: header(CREDENTIAL, 'host:;x-amz-date'), message: /SignedHeaders/ },
  { why: 'a short access key id', value: header(CREDENTIAL.replace(/^[^/]*/, 'AKIA')), kind: 'access-key-id', message: /does not exist/ },
  {
    why: 'a long access key id',
    value: header(CREDENTIAL.replace(/^[^/]*/, 'A'.repeat(129))),
    kind: 'access-key-id',
    message: /does not exist/
  },
  {
    why: 'an access key id with a dash',
    value: header(CREDENTIAL.replace('AKIA', 'AKI-')),
    kind: 'access-key-id',
    message: /does not exist/
  },
  { why: 'SigV2', value: 'AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=', kind: 'v2', message: /signature_version = s3v4/ },
  { why: 'SigV4A', value: header(CREDENTIAL).replace('HMAC-SHA256', 'ECDSA-P256-SHA256'), kind: 'sigv4a', message: /4A/ },
  {
    why: 'the algorithm in lower case',
    value: header(CREDENTIAL).replace('AWS4-HMAC', 'aws4-hmac'),
    kind: 'unsupported',
    message: /Unsupported/
  },
  { why: 'a bearer token', value: 'Bearer abc', kind: 'unsupported', message: /Unsupported Authorization Type/ },
  { why: 'nothing', value: '', kind: 'unsupported', message: /Unsupported Authorization Type/ }
]
for (const { why, value, kind = 'malformed', message } of REFUSED) {
  t.test(`an Authorization header is refused as ${kind}: ${why}`, async (t) => {
    t.throws(() => parseAuthorization(value), { name: 'SigV4Problem', kind, message })
  })
}

t.test('the causes of a malformed header are told apart by their messages', async (t) => {
  const messages = REFUSED.filter(({ why }) => /terminal|service|day too short|no Signature|four parts/.test(why)).map(({ value }) => {
    try {
      parseAuthorization(value)
    } catch (error) {
      return (error as Error).message
    }
    return 'accepted'
  })
  t.equal(new Set(messages).size, messages.length)
})

t.test('a scope passes for its own day and region', async (t) => {
  t.doesNotThrow(() => checkScope(parseAuthorization(header(CREDENTIAL)), { day: '20130524', region: 'us-east-1' }))
})

t.test('a scope of another day than the date of the request is refused', async (t) => {
  const expected = { kind: 'scope-date', code: 'AuthorizationHeaderMalformed', message: /"20130524".*X-Amz-Date: "20130525"/ }
  t.throws(() => checkScope(parseAuthorization(header(CREDENTIAL)), { day: '20130525', region: 'us-east-1' }), expected)
})

for (const region of ['us-east-1', '', 'US-EAST-1', 'eu-west-1']) {
  t.test(`a scope of region "${region}" is refused with the region from which SDKs correct themselves`, async (t) => {
    const scope = parseAuthorization(header(CREDENTIAL.replace('us-east-1', region)))
    t.throws(() => checkScope(scope, { day: '20130524', region: 'local' }), {
      kind: 'region',
      message: `The authorization header is malformed; the region '${region}' is wrong; expecting 'local'`,
      extra: { Region: 'local' }
    })
  })
}

t.test('a problem carries no stack', async (t) => {
  t.equal(new SigV4Problem('signature', 'no').stack?.includes('\n    at '), false)
})
