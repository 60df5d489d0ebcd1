/** `wxmock/setup` as Jest loads it: what a setup file exports is called, and waited for. */

import { asked } from './setup.ts'

export default () => asked
