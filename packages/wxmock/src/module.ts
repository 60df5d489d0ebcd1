/** `/_mock/wx.mjs`, for `import`. */

import { start } from './served.ts'

export * from './index.ts'
export const phone = start(import.meta.url)
export const { wx } = phone
