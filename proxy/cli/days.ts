const DAYS_MAX = 3650
const DAY_MS = 86_400_000

/** The moment so many days from now, as an option names them. */
export function parseDays(given: unknown, { fallback, now }: { readonly fallback: number | null; readonly now: Date }): Date {
  if (given === undefined && fallback === null) throw new Error('say for how many days')
  const days = given === undefined ? Number(fallback) : Number(given)
  if (!Number.isInteger(days) || days < 1 || days > DAYS_MAX) throw new Error(`the days must be a whole number from 1 to ${DAYS_MAX}`)
  return new Date(now.getTime() + days * DAY_MS)
}
