import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createRequestIds } from '../../../proxy/observe/access-record.ts'

t.test('request ids are sixteen upper-case hexadecimal digits, and none comes twice', async (t) => {
  const next = createRequestIds(randomBytes)
  const ids = Array.from({ length: 2000 }, next)
  t.equal(new Set(ids).size, ids.length)
  t.ok(ids.every((id) => /^[0-9A-F]{16}$/.test(id)))
})

t.test('each random byte is used in one id only', async (t) => {
  let asked = 0
  const next = createRequestIds((count) => {
    asked += 1
    return Buffer.from(Array.from({ length: count }, (_, index) => (index >> 3) & 0xff))
  })
  t.equal(next(), '0000000000000000')
  t.equal(next(), '0101010101010101')
  for (let i = 2; i < 512; i += 1) next()
  t.equal(asked, 1)
  t.equal(next(), '0000000000000000')
  t.equal(asked, 2)
})
