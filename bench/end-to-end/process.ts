import type { ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process that is measured. */
export interface Subject {
  readonly name: string
  readonly port: number
  readonly pid: number
  /** The certificate that it shows, in PEM; null for plain HTTP. */
  readonly ca: string | null
  stop(): unknown
}

const TICKS_PER_SECOND = 100

/** A command and its arguments, bound to one core, or to some of them. */
export function pinned(core: number | readonly number[], command: readonly string[]): [string, string[]] {
  return ['taskset', ['-c', String(core), ...command]]
}

/** Seconds of processor time that a process and all that it started have used. */
export function cpuSeconds(pid: number): number {
  return treeOf(pid).reduce((sum, one) => sum + ticksOf(one) / TICKS_PER_SECOND, 0)
}

/** Resident bytes of a process and all that it started. */
export function residentBytes(pid: number): number {
  return treeOf(pid).reduce((sum, one) => sum + Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${one}/status`))?.[1] ?? 0) * 1024, 0)
}

/** Seconds that the whole machine was busy since it started. */
export function busySeconds(): number {
  const [, ...ticks] = (read('/proc/stat').split('\n')[0] ?? '').split(/\s+/)
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = ticks.map(Number)
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND
}

/** Waits until something accepts connections on a port of this machine. */
export async function waitForPort(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode} before it listened on port ${port}`)
    const socket = connect(port, '127.0.0.1')
    const accepted = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (accepted) return
    await sleep(100)
  }
  throw new Error(`nothing listens on port ${port}`)
}

function treeOf(pid: number): number[] {
  const children = tasksOf(pid).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`)
      .split(' ')
      .filter((text) => text !== '')
  )
  return [pid, ...children.flatMap((child) => treeOf(Number(child)))]
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function ticksOf(pid: number): number {
  // The second field is the program's name in parentheses, which may hold spaces (proc(5)).
  const fields = read(`/proc/${pid}/stat`).replace(/^.*\)/s, '').trim().split(' ')
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
}

/** Processes come and go while they are looked at. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Descriptors that a process has open. */
export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

export interface TcpSocket {
  readonly localPort: number
  readonly remotePort: number
  readonly isListening: boolean
}

/** The TCP sockets over IPv4 that a process has open (proc(5): addresses in hexadecimal, 0A is LISTEN). */
export function socketsOf(pid: number): readonly TcpSocket[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? '']
      } catch {
        return []
      }
    })
  )
  const portOf = (address = ''): number => Number.parseInt(address.split(':')[1] ?? '0', 16)
  return read(`/proc/${pid}/net/tcp`)
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => inodes.has(fields[9] ?? '-'))
    .map(([, local, remote, state]) => ({ localPort: portOf(local), remotePort: portOf(remote), isListening: state === '0A' }))
}
