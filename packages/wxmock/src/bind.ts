/** Binds `uni.login` and its like in a page's source to the phone. Knows no bundler. */

/** The calls that are the phone's; what else a page calls stays the framework's. `install` puts the objects there. */
export const BOUND = [
  'login',
  'checkSession',
  'getUserProfile',
  'getUserInfo',
  'getWeRunData',
  'getSetting',
  'authorize',
  'getAccountInfoSync',
  'getPrivacySetting',
  'onNeedPrivacyAuthorization',
  'requirePrivacyAuthorize',
] as const

const CALL = new RegExp(`(?<![\\w$.'"\`])(uni|wx|Taro)\\.(${BOUND.join('|')})\\b`, 'g')

/** A framework's button keeps its open type to itself; `data-` attributes reach the element that is clicked. */
const BUTTON = /(?<!-)\b(open-type|openType)=(["'])(getPhoneNumber|getRealtimePhoneNumber|getUserInfo|agreePrivacyAuthorization)\2(?!\s+data-open-type)/g

/**
 * The source with such calls bound; `null` if there is none. Text, not syntax: it must work on Vue files and TypeScript alike, before
 * any compiler. Lines stay lines, so no source map is needed to find them.
 */
export function bindToPhone(source: string): { code: string; map: null } | null {
  const code = source.replace(CALL, 'globalThis.wxmock.$1.$2').replace(BUTTON, '$& data-open-type="$3"')
  return code === source ? null : { code, map: null }
}
