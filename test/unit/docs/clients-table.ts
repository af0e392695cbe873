import { MATRIX } from '../../clients/matrix/clients.ts'
import { WAYS } from '../../clients/matrix/site.ts'
import { plain, table } from './markdown.ts'

/** Every client that is tried, by which ways in, and what it is not asked to do. */
export function clientsTable(): string {
  const ways = Object.keys(WAYS)
  const rows = MATRIX.map(({ name, ways: tried, gaps }) => [
    plain(name),
    ...ways.map((way) => ((tried as readonly string[]).includes(way) ? 'yes' : '–')),
    gaps.map(({ act, target, why }) => plain(`${act}${target === undefined ? '' : ` of ${target}`}: ${why}`)).join('; ')
  ])
  return table(['Client', ...ways.map((way) => way.slice(0, 1).toUpperCase() + way.slice(1)), 'Left out'], rows)
}
