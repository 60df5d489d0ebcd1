/** `wxmock/loader`: the same binding as `wxmock/vite`, as a webpack loader. The page's template gets the script by hand. */

import { bindToPhone } from './bind.ts'

export default function loader(source: string): string {
  return bindToPhone(source)?.code ?? source
}
