/** What keeps a browser from running an object as a page of this origin (attack S-31). */
const GUARDS: readonly string[] = ['x-content-type-options', 'nosniff', 'content-security-policy', 'sandbox']
const NONE: readonly string[] = []

/** Headers for every answer that a browser could have asked for by itself: it cannot sign a header, but it follows a URL and sends a token. */
export function browserGuards(wayIn: string | null): readonly string[] {
  return wayIn === 'header-signature' ? NONE : GUARDS
}
