/** What the scripts that the mock serves do: learn from their own address, make the phone of the page, set the globals. */

import { script } from './defaults.ts'
import { createPhone, installGlobals } from './index.ts'
import { sharedPhone } from './shared.ts'
import type { Phone } from './wx.d.ts'

/** The name under which the mock puts what it knows, one line before the script. */
const SERVED = '__wxmock'

export function start(url: string | undefined, data: Record<string, string | undefined> = {}): Phone {
  const scope = globalThis as unknown as Record<string, unknown>
  if (url !== undefined) script.url = url
  script.data = data
  script.served = scope[SERVED] as NonNullable<typeof script.served>
  delete scope[SERVED]
  const phone = sharedPhone()
  installGlobals(phone, { createPhone, installGlobals })
  // For the console and for tests that drive a browser; a page's own `phone` goes before it.
  scope.phone ??= phone
  return phone
}
