import { createInterface } from 'node:readline'
import type { Order, Outcome } from '../driver.ts'

/** The refusal in an error of the client, or null where the error is something else. */
export type ReadRefusal = (error: unknown) => { readonly code: string; readonly status: number } | null

/** Answers orders from standard input, one after the other, until it ends. */
export async function serveOrders(run: (order: Order) => Promise<Outcome>, refusalOf: ReadRefusal): Promise<never> {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await outcomeOf(JSON.parse(line) as Order, run, refusalOf))}\n`)
  }
  // Not held up by connections that are kept alive.
  process.exit(0)
}

async function outcomeOf(order: Order, run: (order: Order) => Promise<Outcome>, refusalOf: ReadRefusal): Promise<Outcome> {
  try {
    return await run(order)
  } catch (error) {
    return { error: { ...(refusalOf(error) ?? { code: 'ClientFault' }), message: String(error) } }
  }
}

const AT_ONCE = 16

/** Does the work for every item, several at once. */
export async function inTurns<Item>(items: readonly Item[], work: (item: Item) => Promise<unknown>): Promise<void> {
  const left = [...items]
  const one = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
}
