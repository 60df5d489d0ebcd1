/** `wxmock/setup` as Vitest loads it: a module, which is waited for. */

import { asked } from './setup.ts'

await asked
