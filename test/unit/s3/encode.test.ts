import fc from 'fast-check'
import t from 'tap'
import { encodeKey, encodeQueryValue, percentDecode, urlDecodeXml, urlEncodeXml } from '../../../proxy/s3/encode.ts'
import { KEY_CORPUS } from './key-corpus.ts'

const ENCODED: readonly [key: string, encoded: string][] = [
  ['a=b', 'a%3Db'],
  ['with space', 'with%20space'],
  ["!('):@+,;$&", '%21%28%27%29%3A%40%2B%2C%3B%24%26'],
  ['*', '%2A'],
  ['100%.txt', '100%25.txt'],
  ['~#|', '~%23%7C'],
  ['[1]{2}', '%5B1%5D%7B2%7D'],
  ['literal-%3D-x', 'literal-%253D-x'],
  ['é', '%C3%A9'],
  ['e\u0301', 'e%CC%81'],
  ['a+b', 'a%2Bb'],
  ['a//b/', 'a//b/'],
  ['AZaz09-._~', 'AZaz09-._~'],
  ['🔥', '%F0%9F%94%A5']
]
for (const [key, encoded] of ENCODED) {
  t.test(`the key "${key}" goes out as ${encoded}`, async (t) => {
    t.equal(encodeKey(key), encoded)
    t.equal(encodeQueryValue(key), encoded.replaceAll('/', '%2F'))
  })
}

for (const key of KEY_CORPUS) {
  t.test(`the key ${JSON.stringify(key.slice(0, 40))} comes back as it went out`, async (t) => {
    t.equal(percentDecode(encodeKey(key)), key)
    t.equal(percentDecode(encodeQueryValue(key)), key)
    t.equal(urlDecodeXml(urlEncodeXml(key)), key)
    t.match(encodeKey(key), /^[A-Za-z0-9\-._~/%]*$/)
  })
}

t.test('decoding undoes encoding for any text', async () => {
  const isUndone = (key: string): boolean => percentDecode(encodeKey(key)) === key && urlDecodeXml(urlEncodeXml(key)) === key
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), isUndone), { numRuns: 1000 })
})

t.test('raw bytes are read as UTF-8', async (t) => {
  const latin1 = Buffer.from('ключ').toString('latin1')
  t.equal(percentDecode(latin1), 'ключ')
  t.equal(percentDecode(`${latin1}%20`), 'ключ ')
})

for (const text of ['%', '%2', '%zz', 'a%4', '%C3', '%ff', '%C0%AF', '\xff', '%ED%A0%80']) {
  t.test(`"${text}" is not percent-encoded UTF-8`, async (t) => t.equal(percentDecode(text), null))
}

const LISTED: readonly [text: string, written: string][] = [
  ['a b', 'a+b'],
  ['a+b', 'a%2Bb'],
  ['a/b', 'a/b'],
  ['\u0001', '%01'],
  ['ü', '%C3%BC']
]
for (const [text, written] of LISTED) {
  t.test(`encoding-type=url writes ${JSON.stringify(text)} as ${written}`, async (t) => t.equal(urlEncodeXml(text), written))
}
t.test('a listing that writes spaces as %20 is read too', async (t) => t.equal(urlDecodeXml('quux%20a%2Bb'), 'quux a+b'))
