import t from 'tap'
import { Reading } from '../../../proxy/config/field.ts'
import { SETTINGS } from '../../../proxy/config/settings.ts'

const workersOf = (written: unknown) => {
  const reading = new Reading({ env: {}, readFile: () => '', dev: true, judgePolicy: () => [] })
  const value = SETTINGS.children?.get('workers')?.read(written, 'workers', reading)
  return { value, problems: reading.problems.map(({ says }) => says) }
}

t.test('workers is a count, or auto', async (t) => {
  for (const [written, value] of [
    [undefined, 1],
    ['auto', 'auto'],
    [4, 4],
    ['4', 4]
  ] as const)
    t.same(workersOf(written), { value, problems: [] })
  for (const wrong of [0, 257, 1.5, 'Auto', -1, true])
    t.match(workersOf(wrong).problems, [/^must be auto, or a whole number from 1 to 256, but is /], String(wrong))
})
