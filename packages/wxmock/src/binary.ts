/** Where the `wxmock` binary is: for the fixture and for `npx wxmock`. */

import { accessSync, constants } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'

const EXE = process.platform === 'win32' ? 'wxmock.exe' : 'wxmock'

function runs(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The one of the platform's package, an optional dependency of this one; `undefined` if it was left out. `from` is this file. */
function packaged(from: string): string | undefined {
  try {
    return createRequire(from).resolve(`@wxmock/${process.platform}-${process.arch}/${EXE}`)
  } catch {
    return undefined
  }
}

/** Named by `WXMOCK_BIN`, else the one installed with this package, else the one on `PATH`. */
export function findBinary(from: string): string {
  const named = process.env.WXMOCK_BIN
  if (named) {
    if (!runs(named)) throw new Error(`WXMOCK_BIN is "${named}", which is no program; name the wxmock binary, or unset it`)
    return named
  }
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, EXE))
  // A launcher of npm's (node_modules/.bin) is on the path under npx; it would start itself without end.
  const found = packaged(from) ?? onPath.find((file) => !/[\\/]node_modules[\\/]/.test(file) && runs(file))
  if (found === undefined) {
    const here = `@wxmock/${process.platform}-${process.arch}`
    throw new Error(`no wxmock binary: ${here} is not installed (npm install --include=optional), none is on PATH, and WXMOCK_BIN is not set`)
  }
  return found
}
