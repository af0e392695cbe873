/** The values of every header of that lower-case name in a flat list, as they came. */
export function headerValues(rawHeaders: readonly string[], name: string): readonly string[] {
  const values: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const written = rawHeaders[index] ?? ''
    if (written.length === name.length && written.toLowerCase() === name) values.push(rawHeaders[index + 1] ?? '')
  }
  return values
}
