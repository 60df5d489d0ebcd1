/** `/_mock/wx.js`, for `<script src>`. */

import { start } from './served.ts'

const element = typeof document === 'undefined' ? null : (document.currentScript as HTMLScriptElement | null)
start(element?.src || undefined, { ...element?.dataset })
