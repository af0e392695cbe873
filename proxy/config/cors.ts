import { group, list, type Reading, type ValueOf } from './field.ts'
import { duration, text } from './scalar.ts'

// A scheme and a host, no path; one `*` for a part of the host, or for everything when it stands alone.
const ORIGIN = /^(?:\*|https?:\/\/(?=[^*]*\*?[^*]*$)[a-z0-9*](?:[a-z0-9.*-]*[a-z0-9])?(?::\d{1,5})?)$/
// One `*` at most.
const HEADER = /^(?=[^*]*\*?[^*]*$)[A-Za-z0-9*-]{1,100}$/

const header = text({ help: 'A header.', pattern: HEADER, takes: 'the name of a header, with at most one *' })
const method = text({ help: 'A method.', pattern: /^(?:GET|HEAD|PUT|POST|DELETE)$/, takes: 'GET, HEAD, PUT, POST or DELETE' })
const DAY_MS = 86_400_000

/** What web pages of other origins may do at a listener; none of it says who they are, which their credential does. */
export const CORS = group('What web pages of other origins may do (CORS). Closed when no origin is listed.', {
  origins: list(
    text({
      help: 'An origin.',
      pattern: ORIGIN,
      takes: 'an origin such as https://app.example.com, with at most one * in its host, or * alone'
    }),
    { help: 'Origins whose pages may send requests and read the answers.' }
  ),
  methods: list(method, { help: 'Methods that they may use.', fallback: ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'] }),
  headers: list(header, { help: 'Request headers that they may set.', fallback: ['*'] }),
  exposedHeaders: list(text({ help: 'A header.', pattern: /^[A-Za-z0-9-]{1,100}$/, takes: 'the name of a header' }), {
    help: 'Answer headers that they may read.',
    fallback: ['ETag', 'x-amz-request-id', 'x-amz-version-id']
  }),
  maxAge: duration({ help: 'How long a browser may remember what it was permitted.', fallback: '10m', min: 0, max: DAY_MS })
})

/** A `*` beside other origins would make them look like a limit that is none. */
export function checkCors(cors: ValueOf<typeof CORS>, path: string, reading: Reading): void {
  if (cors.origins.length > 1 && cors.origins.includes('*') && reading.sound(path))
    reading.problem(`${path}.origins`, 'must hold * alone, since it permits every origin, or no *')
}
