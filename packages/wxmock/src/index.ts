/** What `import … from 'wxmock'` gives. Nothing is asked of the network, and no global is set, before somebody calls something. */

import { installGlobals } from './globals.ts'
import { MockPhone } from './phone.ts'
import type { Phone, PhoneOptions } from './wx.d.ts'

export const createPhone = (options?: PhoneOptions): Phone => new MockPhone(options)
export { installGlobals }
