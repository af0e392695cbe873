/** Whether the whole text matches the pattern, where `*` is any run of characters and `?` is one. Time is linear in practice, never exponential. */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let starAt = -1
  let retryAt = 0
  while (t < text.length) {
    const char = pattern[p]
    if (char === '*') {
      starAt = p++
      retryAt = t
    } else if (char === '?' || char === text[t]) {
      p++
      t++
    } else if (starAt !== -1) {
      p = starAt + 1
      t = ++retryAt
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
