/** DeleteObjects requests that no upstream chokes on. */

/**
 * Splits a batch so that no two keys of one request name the same path: MinIO answers such a request only after minutes,
 * although `a/b`, `a//b`, `a/./b` and `a/b/` are four different keys.
 */
export function splitByPath<Item extends { readonly at: { readonly key: string } }>(items: readonly Item[]): Item[][] {
  const batches: { paths: Set<string>; items: Item[] }[] = []
  for (const item of items) {
    const path = pathOf(item.at.key)
    let batch = batches.find(({ paths }) => !paths.has(path))
    if (batch === undefined) {
      batch = { paths: new Set(), items: [] }
      batches.push(batch)
    }
    batch.paths.add(path)
    batch.items.push(item)
  }
  return batches.map((batch) => batch.items)
}

function pathOf(key: string): string {
  return key
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.')
    .join('/')
}
