/** The npm entry: `import { phone, wx } from 'wxmock'`. */

import { sharedPhone } from './shared.ts'

export * from './index.ts'
export const phone = sharedPhone()
export const { wx } = phone
