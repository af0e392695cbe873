import fc from 'fast-check'
import t from 'tap'
import { errorXml, readErrorCode } from '../../../proxy/s3/error-xml.ts'
import { S3_ERRORS, S3Error, isS3ErrorCode } from '../../../proxy/s3/error.ts'
import {
  childText,
  escapeXml,
  readClientXml,
  readUpstreamXml,
  readXml,
  textElement,
  xmlDocument,
  XmlProblem
} from '../../../proxy/s3/xml.ts'
import { KEY_CORPUS } from './key-corpus.ts'

const bytes = (text: string): Buffer => Buffer.from(text)
const keyIn = (text: string): string | undefined => childText(readUpstreamXml(bytes(text), 'R'), 'Key')

const KEPT: readonly [xml: string, text: string][] = [
  ['<Key>007</Key>', '007'],
  ['<Key> x </Key>', ' x '],
  ['<Key>true</Key>', 'true'],
  ['<Key>1e3</Key>', '1e3'],
  ['<Key>0x10</Key>', '0x10'],
  ['<Key></Key>', ''],
  ['<Key/>', ''],
  ['<Key> </Key>', ' '],
  ['<Key>\n</Key>', '\n'],
  ['<Key>&lt;&gt;&amp;&quot;&apos;</Key>', '<>&"\''],
  ['<Key>&#97;&#x62;&#13;&#x1F525;</Key>', 'ab\r🔥'],
  ['<Key>&amp;lt;</Key>', '&lt;'],
  ['<Key><![CDATA[<&amp;>]]></Key>', '<&amp;>'],
  ['<Key>a<!-- comment -->b</Key>', 'ab'],
  ['<s3:Key xmlns:s3="urn:x">a</s3:Key>', 'a'],
  ['<Key xml:space="preserve" a="b">a</Key>', 'a'],
  ['<Other><Key>inner</Key></Other><Key>outer</Key>', 'outer'],
  ['<Key>__proto__</Key>', '__proto__'],
  ['<Key>a > b</Key>', 'a > b'],
  ['<Key>&#x1;</Key>', '\u0001']
]
for (const [xml, text] of KEPT) {
  t.test(`${xml.replaceAll('\n', '\\n')} holds ${JSON.stringify(text)}`, async (t) =>
    t.equal(keyIn(`<?xml version="1.0"?>\n<R>${xml}</R>`), text)
  )
}

const bomb = `<!DOCTYPE R [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><R><Key>&b;</Key></R>`
const REFUSED: readonly [why: string, xml: string | Buffer][] = [
  ['an entity bomb', bomb],
  ['an external entity', '<!DOCTYPE R [<!ENTITY x SYSTEM "file:///etc/passwd">]><R><Key>&x;</Key></R>'],
  ['a document type in lower case', '<!doctype R><R/>'],
  ['a document type behind a comment', '<!-- c --><!DOCTYPE R><R/>'],
  ['an entity nobody declared', '<R><Key>&x;</Key></R>'],
  ['an HTML entity', '<R><Key>&nbsp;</Key></R>'],
  ['an ampersand alone', '<R><Key>a & b</Key></R>'],
  ['a reference to a surrogate', '<R><Key>&#xD800;</Key></R>'],
  ['a reference to nothing', '<R><Key>&#0;</Key></R>'],
  ['a reference beyond Unicode', '<R><Key>&#x110000;</Key></R>'],
  ['a reference that is no number', '<R><Key>&#xZZ;</Key></R>'],
  ['an element that is not closed', '<R><Key>a</R>'],
  ['elements that overlap', '<R><a><b></a></b></R>'],
  ['two roots', '<R/><R/>'],
  ['text behind the root', '<R/>text'],
  ['nothing', ''],
  ['white space', '  \n'],
  ['plain text', 'hello'],
  ['JSON', '{"Key":"a"}'],
  ['another root', '<S><Key>a</Key></S>'],
  ['an attribute that comes twice', '<R a="1" a="2"/>'],
  ['depth beyond reason', `<R>${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}</R>`],
  ['a tag of many attributes', `<R ${Array.from({ length: 5000 }, (_, index) => `a${index}="b"`).join(' ')}/>`],
  ['a million references', `<R><Key>${'&amp;'.repeat(1_000_000)}</Key></R>`],
  ['a million elements', `<R>${'<a/>'.repeat(1_000_000)}</R>`],
  ['a million comments', `<R>${'<!---->'.repeat(1_000_000)}</R>`],
  ['a million brackets', '<'.repeat(1_000_000)],
  ['bytes that are not UTF-8', Buffer.from([0x3c, 0x52, 0x3e, 0xff, 0x3c, 0x2f, 0x52, 0x3e])],
  ['UTF-16', Buffer.from('<R/>', 'utf16le')],
  ['another declared encoding', '<?xml version="1.0" encoding="UTF-7"?><R><Key>+ADw-</Key></R>'],
  ['an element named like a prototype', '<R><constructor>1</constructor></R>'],
  ['a comment that does not end', '<R><!-- ></R>'],
  ['CDATA that does not end', '<R><![CDATA[x</R>']
]
for (const [why, xml] of REFUSED) {
  t.test(`${why} is refused`, async (t) => {
    t.throws(() => readUpstreamXml(Buffer.from(xml as string), 'R'), { name: 'XmlProblem' })
    t.throws(() => readClientXml(Buffer.from(xml as string), 'R', 100_000), { name: 'S3Error', code: 'MalformedXML' })
  })
}

for (const xml of [
  '<R><Key>&#x1;</Key></R>',
  '<R><Key>\u0001</Key></R>',
  '<R><Key>&#xFFFF;</Key></R>',
  '<R><Key>\uffff</Key></R>',
  '<R a="\u0002"/>'
]) {
  t.test(`a client cannot send ${JSON.stringify(xml)}, which XML 1.0 does not have`, async (t) => {
    t.throws(() => readClientXml(bytes(xml), 'R', 100), { name: 'S3Error', code: 'MalformedXML' })
  })
}

t.test('white space before the document, which keeps a connection alive, is skipped', async (t) => {
  t.equal(keyIn('  \n\n<?xml version="1.0"?><R><Key>a</Key></R>'), 'a')
})
t.test('a byte order mark is skipped', async (t) => t.equal(keyIn('\ufeff<R><Key>a</Key></R>'), 'a'))

for (const key of KEY_CORPUS) {
  t.test(`XML carries ${JSON.stringify(key.slice(0, 40))} faithfully`, async (t) => {
    t.equal(keyIn(xmlDocument('R', textElement('Key', key))), key)
  })
}

t.test('XML carries any text faithfully, between documents of this proxy', async () => {
  const isFaithful = (text: string): boolean => keyIn(xmlDocument('R', textElement('Key', text))) === text
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
      isFaithful
    ),
    { numRuns: 1000 }
  )
})

t.test('text cannot open or close an element', async () => {
  const isClosed = (text: string): boolean => !/[<>]/.test(escapeXml(text))
  fc.assert(fc.property(fc.string(), isClosed), { numRuns: 300 })
})

t.test('any bytes are a document or a problem, never another fault', async () => {
  const piece = fc.oneof(
    fc.constantFrom('<', '>', '</R>', '<R>', '&', ';', '<!--', '-->', '<![CDATA[', ']]>', '<?', '?>', '"', '='),
    fc.string()
  )
  const isHandled = (pieces: string[]): boolean => {
    try {
      readXml(bytes(`<R>${pieces.join('')}</R>`), { roots: ['R'], from: 'client', tagsMax: 1000 })
      return true
    } catch (error) {
      return error instanceof XmlProblem
    }
  }
  fc.assert(fc.property(fc.array(piece), isHandled), { numRuns: 1000 })
})

t.test('an error answer has its elements, escaped', async (t) => {
  const xml = errorXml({
    code: 'NoSuchKey',
    message: 'The specified key does not exist.',
    resource: '/b/<k>&',
    requestId: 'r1',
    extra: { Key: '<k>&', Message: 'not again' }
  })
  t.equal(
    xml,
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>' +
      '<Key>&lt;k&gt;&amp;</Key><Resource>/b/&lt;k&gt;&amp;</Resource><RequestId>r1</RequestId><HostId>r1</HostId></Error>'
  )
})

const CODES: readonly [body: string, code: string | null][] = [
  ['<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>m</Message></Error>', 'NoSuchKey'],
  ['', null],
  ['<html>502</html>', null],
  ['<Error/>', null],
  ['<Error><Code>a b<![CDATA[<]]></Code></Error>', null],
  ['<!DOCTYPE Error><Error><Code>NoSuchKey</Code></Error>', null]
]
for (const [body, code] of CODES) {
  t.test(`the code of ${body.slice(0, 60) || 'nothing'} is ${code ?? 'unknown'}`, async (t) => t.equal(readErrorCode(bytes(body)), code))
}

t.test('every error has the status of a refusal and a text', async (t) => {
  for (const [code, { status, message }] of Object.entries(S3_ERRORS)) {
    t.ok(status >= 304 && status < 600 && message.length > 0, code)
    t.ok(isS3ErrorCode(code))
  }
  for (const code of ['constructor', '__proto__', 'XMinioInvalidObjectName']) t.notOk(isS3ErrorCode(code))
})

t.test('an error takes another text, which its reason never is', async (t) => {
  const error = new S3Error('BadRequest', 'eleven', { Message: 'Object tags cannot be greater than 10' })
  t.match(error, { status: 400, message: 'Object tags cannot be greater than 10', reason: 'eleven' })
})
