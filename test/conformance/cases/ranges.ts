import assert from 'node:assert/strict'
import { expectRefusal, type Case } from '../case.ts'

interface RangeRow {
  readonly id: string
  readonly range: string
  readonly body: string
  /** Status, and Content-Range or null. */
  readonly answers: readonly [number, string | null]
}

const ROWS: readonly RangeRow[] = [
  { id: 'middle', range: 'bytes=2-3', body: '0123456789', answers: [206, 'bytes 2-3/10'] },
  { id: 'open', range: 'bytes=8-', body: '0123456789', answers: [206, 'bytes 8-9/10'] },
  { id: 'suffix', range: 'bytes=-3', body: '0123456789', answers: [206, 'bytes 7-9/10'] },
  { id: 'past-end', range: 'bytes=8-99', body: '0123456789', answers: [206, 'bytes 8-9/10'] },
  { id: 'backwards', range: 'bytes=5-2', body: '0123456789', answers: [200, null] },
  { id: 'letters', range: 'bytes=a-b', body: '0123456789', answers: [200, null] },
  { id: 'other-unit', range: 'items=0-1', body: '0123456789', answers: [200, null] },
  { id: 'several', range: 'bytes=0-1,3-4', body: '0123456789', answers: [200, null] },
  { id: 'suffix-zero', range: 'bytes=-0', body: '0123456789', answers: [416, 'bytes */10'] },
  { id: 'beyond', range: 'bytes=10-', body: '0123456789', answers: [416, 'bytes */10'] },
  { id: 'empty-first', range: 'bytes=0-', body: '', answers: [416, 'bytes */0'] },
  { id: 'empty-suffix', range: 'bytes=-1', body: '', answers: [200, null] }
]

/** The Range header. */
export const RANGE_CASES: readonly Case[] = ROWS.map(({ id, range, body, answers: [status, contentRange] }) => ({
  id: `range-${id}`,
  title: `the range ${range} of ${body.length} bytes is answered ${status}${contentRange === null ? ' whole' : ` with ${contentRange}`}`,
  async run(bench) {
    await bench.put('k', body)
    const answer = await bench.raw({ method: 'GET', target: bench.path(), headers: { range } })
    if (status === 416) return expectRefusal(answer, 416, 'InvalidRange')
    assert.deepEqual([answer.status, answer.headers.get('content-range') ?? null], [status, contentRange])
    const [, first, last] = /bytes (\d+)-(\d+)/.exec(contentRange ?? '') ?? []
    assert.equal(answer.text, first === undefined ? body : body.slice(Number(first), Number(last) + 1))
  }
}))
