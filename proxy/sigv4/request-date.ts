import { SigV4Problem } from './problem.ts'

/** The time at which a request says it was signed. */
export interface RequestDate {
  /** `yyyymmddThhmmssZ`, as it stands in the string to sign. */
  readonly text: string
  /** `yyyymmdd`. */
  readonly day: string
  readonly timeMs: number
}

export const SKEW_MS_MAX = 15 * 60 * 1000

const BASIC = /^[0-9]{8}T[0-9]{6}Z$/
// IMF-fixdate, the only HTTP-date a sender may generate (RFC 9110 section 5.6.7).
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT$/
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** The date of a header-signed request: X-Amz-Date, else Date. Throws `SigV4Problem` when there is none that can be read. */
export function findDate(rawHeaders: readonly string[]): RequestDate {
  let amzDate: string | null = null
  let httpDate: string | null = null
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === 10 && name.toLowerCase() === 'x-amz-date') {
      if (amzDate !== null) throw noDate()
      amzDate = rawHeaders[i + 1] as string
    } else if (name.length === 4 && name.toLowerCase() === 'date') {
      if (httpDate !== null) throw noDate()
      httpDate = rawHeaders[i + 1] as string
    }
  }
  // An X-Amz-Date that cannot be read is not made good by a Date that can: the client signed with the former.
  const date = amzDate !== null ? parseAmzDate(amzDate) : httpDate !== null ? (parseAmzDate(httpDate) ?? parseHttpDate(httpDate)) : null
  if (date === null) throw noDate()
  return date
}

/** The time that `yyyymmddThhmmssZ` names, or null when it is no such time. */
export function parseAmzDate(text: string): RequestDate | null {
  if (!BASIC.test(text)) return null
  const year = Number(text.slice(0, 4))
  const month = Number(text.slice(4, 6))
  const day = Number(text.slice(6, 8))
  const hour = Number(text.slice(9, 11))
  const minute = Number(text.slice(11, 13))
  const second = Number(text.slice(13, 15))
  // Date.UTC takes years below 100 for 19xx, and moves what the calendar does not have: 30 February to 1 March.
  if (year < 100 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null
  if (hour > 23 || minute > 59 || second > 59) return null
  return { text, day: text.slice(0, 8), timeMs: Date.UTC(year, month - 1, day, hour, minute, second) }
}

function daysInMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
}

let lastSecond = -1
let lastText = ''

/** `yyyymmddThhmmssZ` of a time. */
export function formatAmzDate(timeMs: number): string {
  // Requests of one second share the text: formatting is a tenth of a signature (bench/sign-request.ts, Node 24.21).
  const second = Math.floor(timeMs / 1000)
  if (second === lastSecond) return lastText
  const iso = new Date(second * 1000).toISOString() // 2013-05-24T00:00:00.000Z
  lastSecond = second
  lastText = `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 13)}${iso.slice(14, 16)}${iso.slice(17, 19)}Z`
  return lastText
}

/** Throws `SigV4Problem` when the request was signed more than 15 minutes before or after `now`. */
export function checkSkew(date: RequestDate, now: Date): void {
  if (Math.abs(now.getTime() - date.timeMs) <= SKEW_MS_MAX) return
  throw new SigV4Problem('skew', 'The difference between the request time and the current time is too large.', {
    RequestTime: date.text,
    ServerTime: now.toISOString().replace(/\.[0-9]{3}Z$/, 'Z'),
    MaxAllowedSkewMilliseconds: String(SKEW_MS_MAX)
  })
}

function parseHttpDate(text: string): RequestDate | null {
  const fields = HTTP_DATE.exec(text)
  if (fields === null) return null
  const month = MONTHS.indexOf(fields[2] as string) + 1
  return parseAmzDate(`${fields[3]}${String(month).padStart(2, '0')}${fields[1]}T${fields[4]}${fields[5]}${fields[6]}Z`)
}

function noDate(): SigV4Problem {
  return new SigV4Problem('missing-date', 'AWS authentication requires a valid Date or x-amz-date header')
}
