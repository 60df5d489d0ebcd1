/** A running `wxmock serve`: started on a free port, ended with this process. Knows nothing of what the mock can do. */

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBinary } from './binary.ts'

const PATIENCE_MS = 30000
const POLL_MS = 5

// A test may freeze or replace them; a mock still has to start.
const { setTimeout } = globalThis

export interface MockProcess {
  url: string
  stop(): Promise<void>
}

export async function startProcess(args: string[], from: string): Promise<MockProcess> {
  const binary = findBinary(from)
  const folder = mkdtempSync(join(tmpdir(), 'wxmock-'))
  const portFile = join(folder, 'port')
  const { child, ended, stop } = run(binary, [...args, '--listen', '127.0.0.1', '--port', '0', '--port-file', portFile, '--quiet', '--stdin-lifeline'], folder)
  const failed = async (what: string) => {
    const said = readFileSync(join(folder, 'log'), 'utf8')
    await stop()
    return new Error(`${what}:\n${said}`)
  }
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const port = read(portFile)
    if (port !== undefined) return { url: `http://127.0.0.1:${port.trim()}`, stop }
    if (child.exitCode !== null || child.signalCode !== null) throw await failed(`wxmock serve ended with ${child.exitCode ?? child.signalCode}`)
    if (Date.now() > deadline) throw await failed(`wxmock serve was not ready within ${PATIENCE_MS / 1000} s`)
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, POLL_MS))])
  }
}

function run(binary: string, args: string[], folder: string) {
  // A state kept from another run would make this one depend on it; the other is for us.
  const { WXMOCK_STATE: _, WXMOCK_BIN: __, ...env } = process.env
  const log = openSync(join(folder, 'log'), 'w')
  const child: ChildProcess = spawn(binary, ['serve', ...args], { stdio: ['pipe', 'ignore', log], env })
  closeSync(log)
  const ended = new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve())
    child.once('error', reject)
  })
  // A mock that nobody stops must not keep the tests from ending; it ends when they do, by the end of its standard input.
  child.unref()
  ;(child.stdin as unknown as { unref(): void }).unref()
  const stop = async () => {
    child.ref()
    child.stdin?.destroy()
    const hard = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
    await ended
    clearTimeout(hard)
    rmSync(folder, { recursive: true, force: true })
  }
  return { child, ended, stop }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
