import cluster from 'node:cluster'
import { shareOf } from './share.ts'
import type { FromWorker, Order, Pages, Question, ToWorker } from './messages.ts'
import { compose } from '../compose.ts'
import { messageOf } from '../message-of.ts'
import type { OpsMaker } from '../servers.ts'
import type { Config } from '../../config/config.ts'
import { readinessOf, type OpsServerOptions } from '../../ops/ops-server.ts'

/** What leads to the primary: the process itself. */
export type Channel = Pick<NodeJS.Process, 'on' | 'once' | 'send'>

/**
 * Serves as one of several workers, until the primary says to stop; resolves with the exit code. Signals are not heard: a terminal
 * sends them to the whole group, and the primary passes on what it hears.
 */
export async function runWorker(channel: Channel, read: (yamlText: string) => Config): Promise<number> {
  // With the primary the log is gone too. Node would exit in order here, which was seen to wait for one of its threads for ever.
  cluster.worker?.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) channel.on(signal, () => undefined)
  const { order, stopped, onHurry } = await orders(channel)
  const pages = createPages(channel)
  let stop = (): Promise<void> => Promise.resolve()
  try {
    const config = shareOf(read(order.yamlText), order.count)
    const sluice = compose(config, {
      logDestination: 1,
      worker: { number: order.number, count: order.count, tells: order.tells, ops: pages }
    })
    stop = () => sluice.stop()
    onHurry(() => void stop())
    const { s3, api } = await sluice.start({ listenLast: order.listenLast })
    await send(channel, { kind: 'started', s3, api })
    await Promise.race([stopped, sluice.refused])
    await stop()
    await send(channel, { kind: 'done' })
    return 0
  } catch (error) {
    await send(channel, { kind: 'refused', says: messageOf(error) })
    // Nothing was served that could be drained.
    void stop()
    await stop()
    await send(channel, { kind: 'done' })
    return 1
  }
}

/** What the primary orders, from its first word on. */
async function orders(channel: Channel) {
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  const { promise: started, resolve: start } = Promise.withResolvers<Order>()
  let isStopping = false
  let hurry = (): void => undefined
  channel.on('message', (message: ToWorker) => {
    if (message.kind === 'start') start(message)
    if (message.kind !== 'stop') return
    if (isStopping) hurry()
    isStopping = true
    stop()
  })
  return { order: await started, stopped, onHurry: (callback: () => void) => void (hurry = callback) }
}

/** The pages of a worker: shown to the primary, which asks for them. */
function createPages(channel: Channel): OpsMaker {
  return (options) => {
    let isOpen = false
    channel.on('message', (message: ToWorker) => {
      if (message.kind === 'ask' && isOpen) void answer(channel, message, options)
    })
    return {
      listen: (address) => {
        isOpen = true
        return Promise.resolve(address)
      },
      close: () => {
        isOpen = false
        return Promise.resolve()
      }
    }
  }
}

async function answer(channel: Channel, { id, page }: Question, { checks, metricsPage, onError }: OpsServerOptions): Promise<void> {
  try {
    const pages: { readonly [Page in keyof Pages]: () => Pages[Page] | Promise<Pages[Page]> } = {
      readiness: () => readinessOf(checks),
      metrics: async () => (await metricsPage()).text
    }
    await send(channel, { kind: 'answer', id, page: await pages[page]() })
  } catch (error) {
    onError(error)
  }
}

/** Resolves when it is on its way; a primary that is gone cannot be told anything. */
function send(channel: Channel, message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (channel.send === undefined) resolve()
    else channel.send(message, undefined, undefined, () => resolve())
  })
}
