import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { StoreError } from './error.ts'

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** `<name>value</name>` with the value escaped. */
export function field(name: string, value: string | number | boolean): string {
  return `<${name}>${escapeText(String(value))}</${name}>`
}

/** `<name>` around children that are XML already. */
export function group(name: string, children: readonly string[]): string {
  return `<${name}>${children.join('')}</${name}>`
}

/** A whole document in S3's namespace. */
export function xmlDocument(name: string, children: readonly string[]): Buffer {
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="${NAMESPACE}">${children.join('')}</${name}>`)
}

/** An error document; S3 gives it no namespace. */
export function errorDocument(children: readonly string[]): Buffer {
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<Error>${children.join('')}</Error>`)
}

// Carriage return must be written as a reference: an XML reader turns a bare one into a line feed (XML 1.0 section 2.11).
// Other control characters have no legal form in XML 1.0; S3 writes the reference all the same.
function escapeText(text: string): string {
  return text.replace(/[&<>"\u0000-\u0008\u000b-\u001f]/g, (character) => {
    switch (character) {
      case '&':
        return '&amp;'
      case '<':
        return '&lt;'
      case '>':
        return '&gt;'
      case '"':
        return '&quot;'
      default:
        return `&#x${character.charCodeAt(0).toString(16)};`
    }
  })
}

/** One element as read: its text, and its child elements in order. */
export interface XmlElement {
  readonly name: string
  readonly text: string
  readonly children: readonly XmlElement[]
}

const PARSER = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false
})

/** The root element; anything that is not well-formed, or that carries a DTD, is MalformedXML. */
export function readXml(bytes: Uint8Array): XmlElement {
  const text = decodeUtf8(bytes)
  if (text.includes('<!DOCTYPE') || XMLValidator.validate(text) !== true) throw new StoreError('MalformedXML')
  const roots = elementsOf(PARSER.parse(text) as readonly OrderedNode[])
  const root = roots[0]
  if (root === undefined || roots.length > 1) throw new StoreError('MalformedXML')
  return root
}

type OrderedNode = Readonly<Record<string, unknown>>

function elementsOf(nodes: readonly OrderedNode[]): XmlElement[] {
  const elements: XmlElement[] = []
  for (const node of nodes) {
    for (const [name, value] of Object.entries(node)) {
      if (name === '#text' || name === ':@' || !Array.isArray(value)) continue
      const children = value as readonly OrderedNode[]
      elements.push({ name, text: textOf(children), children: elementsOf(children) })
    }
  }
  return elements
}

function textOf(nodes: readonly OrderedNode[]): string {
  let text = ''
  for (const node of nodes) if (typeof node['#text'] === 'string') text += node['#text']
  return decodeReferences(text)
}

const NAMED = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"]
])

function decodeReferences(text: string): string {
  return text.replace(/&([^;]*);?/g, (whole, name: string) => {
    const named = NAMED.get(name)
    if (named !== undefined) return named
    const number = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(name)
    if (number === null || !whole.endsWith(';')) throw new StoreError('MalformedXML')
    const point = number[1] === undefined ? Number(number[2]) : Number.parseInt(number[1], 16)
    if (!isXmlCharacter(point)) throw new StoreError('MalformedXML')
    return String.fromCodePoint(point)
  })
}

// XML 1.0 section 2.2, production Char.
function isXmlCharacter(point: number): boolean {
  if (point < 0x20) return point === 0x9 || point === 0xa || point === 0xd
  return point <= 0xd7ff || (point >= 0xe000 && point <= 0xfffd) || (point >= 0x10000 && point <= 0x10ffff)
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new StoreError('MalformedXML')
  }
}

/** The children of that name. */
export function childrenOf(element: XmlElement, name: string): readonly XmlElement[] {
  return element.children.filter((child) => child.name === name)
}

/** The text of the first child of that name, or null. */
export function childText(element: XmlElement, name: string): string | null {
  return element.children.find((child) => child.name === name)?.text ?? null
}
