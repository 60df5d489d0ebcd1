/** The phone of this page or test file. One for all copies of the package in it: a setup file and a test may load it twice. */

import { createPhone } from './index.ts'
import type { Phone } from './wx.d.ts'

const PLACE = Symbol.for('wxmock.phone')

export function sharedPhone(): Phone {
  const scope = globalThis as unknown as { [PLACE]?: Phone }
  return (scope[PLACE] ??= createPhone())
}
