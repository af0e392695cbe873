// Every row of the operation table and every refusal, byte for byte on all four sides. `UPDATE_WIRE=1` rewrites the files.
import { readFileSync, writeFileSync, globSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { OPERATION_NAMES } from '../../proxy/s3/operations.ts'
import { parseExchangeFile } from './exchange-file.ts'
import { REFUSALS } from './refusals.ts'
import { playFile, type Outcome } from './run-exchanges.ts'
import { ScriptedUpstream } from './upstream.ts'

const FOLDER = join(import.meta.dirname, 'exchanges')
const UPDATE = process.env['UPDATE_WIRE'] === '1'
const only = process.env['WIRE_ONLY']
const files = globSync('**/*.http', { cwd: FOLDER })
  .sort()
  .filter((file) => only === undefined || file.includes(only))

// All files run one after the other; each is quick, all of them on a busy machine are not.
t.setTimeout(180_000)

const outcomes = new Map<string, readonly Outcome[]>()
const upstream = await ScriptedUpstream.start()
t.teardown(() => upstream.stop())

for (const file of files) {
  const path = join(FOLDER, file)
  const text = readFileSync(path, 'utf8')
  const [sentence = ''] = parseExchangeFile(text).comment
  await t.test(`${sentence} (${file})`, async (t) => {
    const result = await playFile(text, upstream)
    outcomes.set(file, result.outcomes)
    if (UPDATE && result.text !== text) writeFileSync(path, result.text)
    else t.equal(result.text, text, 'the exchange is as the file has it')
    t.strictSame(result.problems, [], 'every request to the upstream is signed and in its place, and the answer shows nothing of it')
  })
}

if (only === undefined) {
  await t.test('every row of the operation table has an exchange in which it is done', (t) => {
    const done = [...outcomes.values()].flat().filter(({ status, code }) => status < 300 || isTheAnswer(code))
    const names = new Set(done.map(({ operation }) => operation))
    t.strictSame(
      OPERATION_NAMES.filter((name) => !names.has(name)),
      []
    )
    t.end()
  })

  await t.test('every refusal has an exchange, which sends no more than is needed to refuse', (t) => {
    for (const { refusal, code, files: named, sent = 0 } of REFUSALS) {
      for (const file of named) t.match(outcomes.get(file)?.at(-1), { code, sent }, `${refusal}: ${file}`)
    }
    t.end()
  })

  await t.test('every exchange says first, in one sentence, what it proves', (t) => {
    for (const file of files) {
      const { comment } = parseExchangeFile(readFileSync(join(FOLDER, file), 'utf8'))
      t.match(comment[0] ?? '', /^[A-Z`?].{15,}\.$/, file)
    }
    t.end()
  })
}

/** Rows whose only answer is that what they ask for never exists. */
function isTheAnswer(code: string | null): boolean {
  return code === 'NoSuchBucketPolicy' || code === 'NoSuchCORSConfiguration' || code === 'ObjectLockConfigurationNotFoundError'
}
