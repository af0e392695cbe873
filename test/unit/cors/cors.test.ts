import t from 'tap'
import { createCors, type CorsSettings } from '../../../proxy/cors/cors.ts'
import type { RequestHead } from '../../../proxy/transport/transport.ts'

const APP = 'https://app.example.com'
const SETTINGS: CorsSettings = {
  origins: [APP, 'https://*.preview.example.com'],
  methods: ['GET', 'PUT'],
  headers: ['content-type', 'x-amz-*'],
  exposedHeaders: ['ETag'],
  maxAgeSeconds: 60
}
const cors = (changes: Partial<CorsSettings> = {}) => createCors({ ...SETTINGS, ...changes })
const head = (method: string, ...headers: readonly [string, string][]): RequestHead => ({
  ...{ method, rawTarget: '/acme/a', remoteAddress: '127.0.0.1', secure: false },
  rawHeaders: headers.flat()
})
const preflight = (origin: string, method = 'PUT', headers?: string): RequestHead =>
  head(
    'OPTIONS',
    ['Origin', origin],
    ['Access-Control-Request-Method', method],
    ...(headers === undefined ? [] : [['access-control-request-headers', headers] as [string, string]])
  )

t.test('a preflight of what is permitted is told so, and no more than it asked', (t) => {
  const answered = cors().preflight(preflight(APP, 'PUT', 'Content-Type, x-amz-meta-a'))
  t.same(answered, {
    kind: 'allowed',
    rawHeaders: [
      ...['access-control-allow-origin', APP],
      ...['access-control-allow-methods', 'GET, PUT'],
      ...['access-control-allow-headers', 'content-type, x-amz-meta-a'],
      ...['access-control-max-age', '60'],
      ...['vary', 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method']
    ]
  })
  t.end()
})

const REFUSED: readonly (readonly [why: string, head: RequestHead])[] = [
  ['another origin', preflight('https://evil.example.com')],
  ['the same host by another scheme', preflight('http://app.example.com')],
  ['the same host at another port', preflight(`${APP}:8443`)],
  ['an origin that only begins so', preflight(`${APP}.evil.com`)],
  ['an origin that only ends so', preflight('https://evilpreview.example.com')],
  ['a star that stands for nothing', preflight('https://.preview.example.com')],
  ['no origin that could be named', preflight('null')],
  ['another method', preflight(APP, 'DELETE')],
  ['a method in another case', preflight(APP, 'put')],
  ['another header', preflight(APP, 'PUT', 'content-type, authorization')],
  ['a header that is none', preflight(APP, 'PUT', 'x-amz-"')]
]
for (const [why, asked] of REFUSED) {
  t.test(`a preflight is refused: ${why}`, async (t) => {
    t.equal(cors().preflight(asked).kind, 'refused')
    t.notMatch(
      cors()
        .answerHeaders({ ...asked, method: 'DELETE' })
        .join(),
      'access-control'
    )
  })
}

t.test('a preflight that does not say what it is for is incomplete', (t) => {
  for (const asked of [
    head('OPTIONS'),
    head('OPTIONS', ['origin', APP]),
    head('OPTIONS', ['origin', APP], ['origin', APP], ['access-control-request-method', 'PUT'])
  ])
    t.equal(cors().preflight(asked).kind, 'incomplete')
  t.end()
})

t.test('without origins nothing is open, and answers say nothing of it', (t) => {
  t.match(cors({ origins: [] }).preflight(preflight(APP)), { kind: 'refused', message: /not enabled/ })
  t.same(cors({ origins: [] }).answerHeaders(head('GET', ['origin', APP])), [])
  t.end()
})

t.test('an answer says who may read it, and to caches that it depends on who asked', (t) => {
  const vary = ['vary', 'Origin, Access-Control-Request-Headers, Access-Control-Request-Method']
  t.same(cors().answerHeaders(head('GET', ['origin', APP])), [
    'access-control-allow-origin',
    APP,
    'access-control-expose-headers',
    'ETag',
    ...vary
  ])
  t.same(cors().answerHeaders(head('GET', ['origin', 'https://evil.example.com'])), vary)
  t.same(cors().answerHeaders(head('GET')), vary)
  t.same(cors().answerHeaders(head('DELETE', ['origin', APP])), vary)
  t.end()
})

t.test('a star alone is any origin, named as a star; credentials are permitted to none', (t) => {
  const open = cors({ origins: ['*'], headers: ['*'] })
  for (const origin of [APP, 'null', 'https://x.test:1']) {
    t.match(open.preflight(preflight(origin, 'GET', 'authorization')), { kind: 'allowed' })
    t.same(open.answerHeaders(head('GET', ['origin', origin])).slice(0, 2), ['access-control-allow-origin', '*'])
  }
  for (const settings of [cors(), open]) {
    t.notMatch(JSON.stringify(settings.preflight(preflight(APP))), /credentials/)
    t.notMatch(JSON.stringify(settings.answerHeaders(head('GET', ['origin', APP]))), /credentials/)
  }
  t.end()
})
