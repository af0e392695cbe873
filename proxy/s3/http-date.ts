const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const IMF_FIXDATE = /^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) (?:GMT|UTC|[+-]0000)$/
const RFC_850 = /^[A-Z][a-z]+day, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/
const ASCTIME = /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/

/** Milliseconds of an HTTP date in one of the three forms of RFC 9110 section 5.6.7; null for anything else. */
export function parseHttpDate(text: string): number | null {
  const fields = (IMF_FIXDATE.exec(text) ?? RFC_850.exec(text) ?? ASCTIME.exec(text))?.groups
  if (fields === undefined) return null
  const month = MONTHS.indexOf(fields['month'] ?? '')
  const [hour = NaN, minute = NaN, second = NaN] = (fields['time'] ?? '').split(':').map(Number)
  if (month === -1 || hour > 23 || minute > 59 || second > 60) return null
  const day = Number(fields['day'])
  const milliseconds = Date.UTC(fullYear(fields['year'] ?? ''), month, day, hour, minute, second)
  // Date.UTC takes 31 February for a day of March.
  return new Date(milliseconds).getUTCDate() === day || second === 60 ? milliseconds : null
}

function fullYear(year: string): number {
  if (year.length === 4) return Number(year)
  // No object of S3 is older than 1970, and the form is obsolete.
  return Number(year) < 70 ? 2000 + Number(year) : 1900 + Number(year)
}
