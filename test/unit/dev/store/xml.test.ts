import { test } from 'tap'
import { StoreError } from '../../../../proxy/dev/store/error.ts'
import { childrenOf, childText, field, readXml, xmlDocument } from '../../../../proxy/dev/store/xml.ts'

const TEXTS = ['007', ' x ', 'true', 'a&b<c>"d"\'e', 'ü😀', 'line\nfeed', 'carriage\rreturn', '', '&amp;', 'tab\t']

for (const text of TEXTS) {
  test(`${JSON.stringify(text)} survives a document`, (t) => {
    const root = readXml(xmlDocument('Delete', [field('Key', text), field('Key', 'second')]))
    t.equal(childText(root, 'Key'), text)
    t.equal(childrenOf(root, 'Key').length, 2)
    t.end()
  })
}

test('entity references are read by name and by number', (t) => {
  t.equal(childText(readXml(Buffer.from('<a><b>&amp;&#65;&#x1F600;&apos;</b></a>')), 'b'), "&A😀'")
  t.end()
})

const BAD = [
  '',
  'text',
  '<a>',
  '<a></b>',
  '<a/><b/>',
  '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
  '<a><b>&unknown;</b></a>',
  '<a><b>&#1;</b></a>',
  '<a><b>&#xFFFFFF;</b></a>',
  '<a><b>&amp</b></a>'
]

for (const text of BAD) {
  test(`${JSON.stringify(text)} is MalformedXML`, (t) => {
    t.throws(() => readXml(Buffer.from(text)), new StoreError('MalformedXML'))
    t.end()
  })
}

test('bytes that are no UTF-8 are MalformedXML', (t) => {
  t.throws(() => readXml(Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e])), new StoreError('MalformedXML'))
  t.end()
})
