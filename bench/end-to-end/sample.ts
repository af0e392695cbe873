import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadOrder, LoadResult } from './load-order.ts'
import { upstreamRequests } from './nginx.ts'
import type { Upstream } from './parties.ts'
import type { Party } from './party.ts'
import { busySeconds, cpuSeconds, pinned, residentBytes, type Subject } from './process.ts'
import type { Prepared } from './requests.ts'
import type { Workload } from './workloads.ts'

/** One measurement of one subject under one workload. */
export interface Sample {
  readonly workload: string
  readonly subject: string
  readonly round: number
  readonly requests: number
  readonly bytes: number
  readonly seconds: number
  readonly failures: number
  readonly cpuSeconds: number
  readonly residentBytes: number
  /** What the upstream was asked meanwhile. */
  readonly upstreamRequests: number
  /** Processor time that neither subject, upstream nor load used, in cores: what others took meanwhile. */
  readonly foreignCores: number
  readonly generator: 'wrk' | 'own'
}

export interface Tools {
  readonly folder: string
  readonly core: number
  readonly hasWrk: boolean
  /** The upstream, whose time is not foreign. */
  readonly upstream: Pick<Upstream, 'pid' | 'port' | 'sinkPid'>
}

export interface Measured {
  readonly requests: number
  readonly bytes: number
  readonly seconds: number
  readonly failures: number
  readonly firstFailure: string | null
  readonly ownCpuSeconds: number
}

const upstreamSeconds = ({ upstream }: Tools): number => cpuSeconds(upstream.pid) + cpuSeconds(upstream.sinkPid)

/** wrk sends one head again and again, waits for the body of a HEAD's answer and reads 8 KiB at a time: right for small reads of one key alone. */
const isForWrk = ({ method, keys, size }: Workload): boolean => method === 'GET' && keys === 'one' && size <= 64 * 1024

/** Loads a subject for so many seconds. Throws when it answers with anything but 2xx: a refusal is fast, and would look good. */
export async function takeSample(
  workload: Workload,
  { name, subject }: Party,
  { round, seconds, prepared }: { readonly round: number; readonly seconds: number; readonly prepared: Prepared },
  tools: Tools
): Promise<Sample> {
  const generator = tools.hasWrk && isForWrk(workload) ? 'wrk' : 'own'
  const asked = await upstreamRequests(tools.upstream.port)
  const upstreamBefore = upstreamSeconds(tools)
  const busyBefore = busySeconds()
  const before = cpuSeconds(subject.pid)
  const measured =
    generator === 'wrk'
      ? await wrk({ workload, subject, seconds }, prepared, tools)
      : await load({ ...orderOf(workload, subject, prepared), seconds }, tools)
  const used = cpuSeconds(subject.pid) - before
  const ours = used + upstreamSeconds(tools) - upstreamBefore + measured.ownCpuSeconds
  const foreignCores = Math.max(0, busySeconds() - busyBefore - ours) / measured.seconds
  refuseFailures(`${name}, ${workload.name}`, measured)
  const { requests, bytes, failures } = measured
  return {
    ...{ workload: workload.name, subject: name, round, requests, bytes, seconds: measured.seconds, failures, generator },
    cpuSeconds: used,
    residentBytes: residentBytes(subject.pid),
    upstreamRequests: (await upstreamRequests(tools.upstream.port)) - asked,
    foreignCores
  }
}

/** Lets the code of a subject be compiled and its caches fill: so many requests, within so many seconds. */
export async function warmUp(
  workload: Workload,
  { name, subject }: Party,
  { requestsMax, seconds, prepared }: { readonly requestsMax: number | null; readonly seconds: number; readonly prepared: Prepared },
  tools: Tools
): Promise<number> {
  const measured = await load({ ...orderOf(workload, subject, prepared), once: false, requestsMax, seconds }, tools)
  refuseFailures(`${name}, ${workload.name}`, measured)
  return measured.requests
}

/** Milliseconds of each answer at so many requests a second, far below what the subject can do. */
export async function latencies(
  workload: Workload,
  { name, subject }: Party,
  { seconds, perSecond, prepared }: { readonly seconds: number; readonly perSecond: number; readonly prepared: Prepared },
  tools: Tools
): Promise<readonly number[]> {
  const connections = 32
  const result = await load({ ...orderOf(workload, subject, prepared), connections, seconds, perSecond }, tools)
  refuseFailures(`${name}, ${workload.name}`, result)
  return result.latenciesMs
}

export class LoadFailed extends Error {}

/** A row of a subject that refuses, or that answers nothing, would mean nothing. */
export function refuseFailures(what: string, { requests, failures, firstFailure }: Measured): void {
  if (failures > 0 || requests === 0)
    throw new LoadFailed(`${what}: ${failures} of ${requests} requests failed, first: ${firstFailure ?? 'no answer'}`)
}

function orderOf(
  { method, connections }: Workload,
  { port, ca }: Subject,
  { heads, once, bodyFile }: Prepared
): Omit<LoadOrder, 'seconds'> {
  return { method, port, ca, heads, once, bodyFile, connections, requestsMax: null, perSecond: null }
}

async function load(order: LoadOrder, { folder, core }: Tools): Promise<Measured & LoadResult> {
  const file = join(folder, 'order.json')
  writeFileSync(file, JSON.stringify(order))
  const { stdout, cpuSeconds: ownCpuSeconds } = await run(pinned(core, [process.execPath, join(import.meta.dirname, 'load.ts'), file]))
  const result = JSON.parse(stdout) as LoadResult
  return { ...result, ownCpuSeconds }
}

async function wrk(
  { workload, subject, seconds }: { readonly workload: Workload; readonly subject: Subject; readonly seconds: number },
  { heads }: Prepared,
  { folder, core }: Tools
): Promise<Measured> {
  const [requestLine = '', ...lines] = (heads[0] ?? '').trimEnd().split('\r\n')
  const script = join(folder, 'wrk.lua')
  writeFileSync(script, `wrk.method = ${JSON.stringify(workload.method)}\n`)
  const url = `${subject.ca === null ? 'http' : 'https'}://127.0.0.1:${subject.port}${requestLine.split(' ')[1] ?? ''}`
  const headers = lines.flatMap((line) => ['-H', line])
  const whole = Math.max(1, Math.round(seconds))
  const { stdout, cpuSeconds: ownCpuSeconds } = await run(
    pinned(core, ['wrk', '-t1', `-c${workload.connections}`, `-d${whole}s`, '--timeout', '10s', '-s', script, ...headers, url])
  )
  const [, requests = '0', took = '0'] = /(\d+) requests in ([\d.]+)s/.exec(stdout) ?? []
  const bad = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0)
  const errors = /Socket errors: (.*)/.exec(stdout)?.[1] ?? null
  return {
    requests: Number(requests),
    bytes: Number(requests) * workload.size,
    seconds: Number(took),
    failures: bad + (errors === null ? 0 : 1),
    firstFailure: errors ?? (bad > 0 ? 'answers that are not 2xx' : stdout.slice(0, 200)),
    ownCpuSeconds
  }
}

/** Runs a generator to its end; its processor time is that of the child, whose last figure is read shortly before it ends. */
function run([command, args]: [string, string[]]): Promise<{ readonly stdout: string; readonly cpuSeconds: number }> {
  return new Promise((resolve, reject) => {
    const before = process.resourceUsage()
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let stdout = ''
    let seen = 0
    const timer = setInterval(() => (seen = Math.max(seen, cpuSeconds(child.pid ?? 0))), 50)
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.once('error', reject)
    child.once('close', (code) => {
      clearInterval(timer)
      const after = process.resourceUsage()
      const here = (after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime) / 1e6
      if (code === 0) resolve({ stdout, cpuSeconds: seen + here })
      else reject(new Error(`${command} ${args.slice(0, 4).join(' ')} … ended with ${code}`))
    })
  })
}
