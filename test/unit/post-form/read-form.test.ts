import fc from 'fast-check'
import t from 'tap'
import { formBoundary, isMultipartForm } from '../../../proxy/post-form/boundary.ts'
import { exactly, fileOf } from '../../../proxy/post-form/file-source.ts'
import { readForm } from '../../../proxy/post-form/read-form.ts'
import { S3Error } from '../../../proxy/s3/error.ts'
import type { ByteSink, ByteSource } from '../../../proxy/transport/transport.ts'
import { BOUNDARY, formBody, formType, type Posted } from '../../helpers/post-form.ts'

const ANY = { min: 0, max: Number.MAX_SAFE_INTEGER }

/** A body that comes in these pieces and stops whenever it is told to. */
class Pieces implements ByteSource {
  readonly length: number
  cancelled: Error | null = null
  #pieces: Uint8Array[]
  #sink: ByteSink | null = null
  #paused = false

  constructor(pieces: readonly Uint8Array[], length?: number) {
    this.#pieces = [...pieces]
    this.length = length ?? pieces.reduce((sum, piece) => sum + piece.length, 0)
  }

  start(sink: ByteSink): void {
    this.#sink = sink
    queueMicrotask(() => this.#flow())
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    queueMicrotask(() => this.#flow())
  }

  cancel(reason: Error): void {
    this.cancelled = reason
  }

  #flow(): void {
    while (!this.#paused && this.cancelled === null) {
      const piece = this.#pieces.shift()
      if (piece === undefined) {
        this.#sink?.end()
        return
      }
      const lent = Buffer.from(piece)
      const taken = this.#sink?.write(lent) ?? true
      // A source uses its memory again as soon as it may.
      if (taken) lent.fill('#')
      else this.#paused = true
    }
  }
}

/** Reads everything, making the source wait now and then. */
function collect(source: ByteSource, waits: boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const taken: Buffer[] = []
    source.start({
      write(bytes) {
        if (!waits) return taken.push(Buffer.from(bytes)) > 0
        // Only read when the source is let go on: until then the bytes are lent.
        setImmediate(() => {
          taken.push(Buffer.from(bytes))
          source.resume()
        })
        return false
      },
      end: () => resolve(Buffer.concat(taken)),
      fail: reject
    })
  })
}

function split(body: Buffer, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...[...cuts].sort((a, b) => a - b), body.length]
  return at.slice(1).map((end, index) => body.subarray(at[index], end))
}

async function read(body: Buffer, cuts: readonly number[], { waits = false, range = ANY } = {}) {
  const source = new Pieces(split(body, cuts))
  const form = await readForm(source, formBoundary(formType()))
  const file = fileOf(form, range)
  return { fields: [...form.fields], filename: form.filename, length: file.length, bytes: await collect(file, waits) }
}

const POSTED: Posted = {
  fields: [
    ['Key', 'a/${filename}'],
    ['empty', ''],
    ['lines', '\r\n--\r\n'],
    ['ümlaut', 'käse']
  ],
  file: `\r\n--${BOUNDARY.slice(0, -1)}\r\n\n--${BOUNDARY}\r\r\n-`,
  filename: 'C:\\x\\b.txt'
}

t.test('a form reads the same wherever it is cut', async (t) => {
  const body = formBody(POSTED)
  const whole = await read(body, [])
  t.same(whole.fields, [
    ['key', 'a/${filename}'],
    ['empty', ''],
    ['lines', '\r\n--\r\n'],
    ['ümlaut', 'käse']
  ])
  t.equal(whole.filename, 'b.txt')
  t.equal(whole.bytes.toString(), POSTED.file)
  t.equal(whole.length, whole.bytes.length, 'the length that is told before the end is right')
  for (let at = 0; at <= body.length; at++) {
    t.same(await read(body, [at]), whole)
    t.same(await read(body, [at, Math.min(at + 1, body.length)], { waits: true }), whole)
  }
  const bytewise = Array.from({ length: body.length }, (_, at) => at)
  t.same(await read(body, bytewise), whole)
})

t.test('any file comes out as it went in, in any pieces, and with fields behind it', async () => {
  const nasty = fc.array(fc.constantFrom('\r', '\n', '-', '\r\n--', BOUNDARY.slice(0, 9), 'x', '\0'), { maxLength: 60 })
  const order = fc.tuple(nasty, fc.array(fc.nat(), { maxLength: 8 }), fc.boolean(), fc.boolean())
  await fc.assert(
    fc.asyncProperty(order, async ([parts, cuts, hasMore, waits]) => {
      const file = parts.join('')
      if (file.includes(`\r\n--${BOUNDARY}`)) return
      const body = formBody({ ...POSTED, file, after: hasMore ? [['submit', 'x']] : [] })
      const result = await read(
        body,
        cuts.map((cut) => cut % (body.length + 1)),
        { waits }
      )
      if (result.bytes.toString() !== file) throw new Error(`${JSON.stringify(result.bytes.toString())}`)
      if (!hasMore && result.length !== file.length) throw new Error('another length')
    }),
    { numRuns: 300 }
  )
})

t.test('bytes that are no form end in a refusal, and never in a hang, a fault or a file', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat(), async (noise, at) => {
      const body = formBody(POSTED)
      const cut = at % (body.length + 1)
      const spoiled = Buffer.concat([body.subarray(0, cut), noise, body.subarray(Math.min(body.length, cut + 1 + noise.length))])
      if (spoiled.equals(body)) return
      try {
        await read(spoiled, [cut])
      } catch (error) {
        if (!(error instanceof S3Error)) throw error
      }
    }),
    { numRuns: 1000 }
  )
})

t.test('a body that breaks off breaks off the file', async (t) => {
  const body = formBody({ ...POSTED, file: 'x'.repeat(100) })
  for (const length of [body.length - 1, body.length - 20, body.length - 60]) {
    const form = await readForm(new Pieces([body.subarray(0, length)], body.length), BOUNDARY)
    await t.rejects(collect(fileOf(form, ANY), false), { code: 'MalformedPOSTRequest' })
  }
})

t.test('a range is enforced on the bytes as they flow: no more than it allows come out', async (t) => {
  const body = formBody({ ...POSTED, file: 'x'.repeat(5000) })
  const form = await readForm(new Pieces(split(body, [1000, 2000, 3000, 4000])), BOUNDARY)
  const file = fileOf(form, { min: 0, max: 1500 })
  let bytes = 0
  const failure = await new Promise<Error>((resolve, reject) => {
    file.start({
      write: (piece) => ((bytes += piece.length), true),
      end: () => reject(new Error('it ended')),
      fail: resolve
    })
  })
  t.match(failure, { code: 'EntityTooLarge', extra: { MaxSizeAllowed: '1500' } })
  t.ok(bytes <= 1500)
})

t.test('a file that must be as long as it says is not shorter', async (t) => {
  const form = await readForm(new Pieces([formBody({ ...POSTED, after: [['a', 'b']] })]), BOUNDARY)
  const file = fileOf(form, ANY)
  await t.rejects(collect(exactly(file, file.length), false), { code: 'MalformedPOSTRequest', message: /must be the last field/ })
})

t.test('a content type is a form with one boundary, or it is refused', (t) => {
  t.ok(isMultipartForm('multipart/form-data; boundary=x') && isMultipartForm('MULTIPART/FORM-DATA'))
  t.notOk(
    isMultipartForm('multipart/form-database; boundary=x') || isMultipartForm('multipart/mixed; boundary=x') || isMultipartForm(undefined)
  )
  t.equal(formBoundary('multipart/form-data; boundary=----WebKitFormBoundaryAbc'), '----WebKitFormBoundaryAbc')
  t.equal(formBoundary('multipart/form-data ; charset="utf-8"; BOUNDARY="a b:c" '), 'a b:c')
  for (const wrong of [
    '',
    '; boundary',
    '; boundary=',
    '; boundary=""',
    '; boundary="a ',
    '; boundary=a b',
    '; boundary="a\\"b"',
    '; boundary=a; boundary=a',
    '; boundary=a,b',
    '; boundary="a "'
  ])
    t.throws(() => formBoundary(`multipart/form-data${wrong}`), { code: 'MalformedPOSTRequest' }, wrong)
  t.end()
})
