/**
 * The npm entry for `setupFiles` of Vitest and Jest: `wx`, `uni`, `Taro` are there, with the phone of this test file behind them.
 *
 * A mock that cannot be reached is no reason to fail here: each call that needs it says so.
 */

import { installGlobals } from './index.ts'
import { sharedPhone } from './shared.ts'

const phone = sharedPhone()
installGlobals(phone)

/** Settled once the mock has said who this is, or cannot be reached. */
export const asked: Promise<unknown> = phone.ready().catch(() => {})
