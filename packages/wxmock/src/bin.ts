/** `npx wxmock`: runs the binary of this platform, and ends as it ends. */

import { spawn } from 'node:child_process'
import { findBinary } from './binary.ts'

/** EX_UNAVAILABLE of sysexits.h. */
const UNAVAILABLE = 69

function main(): void {
  let binary: string
  try {
    binary = findBinary(__filename)
  } catch (error) {
    console.error(`wxmock: ${(error as Error).message}`)
    process.exit(UNAVAILABLE)
  }
  const child = spawn(binary, process.argv.slice(2), { stdio: 'inherit' })
  // A terminal tells both; the binary decides what becomes of it. Others tell only this process.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('error', (error) => {
    console.error(`wxmock: ${binary}: ${error.message}`)
    process.exit(UNAVAILABLE)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? UNAVAILABLE)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

main()
