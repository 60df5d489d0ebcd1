/** The two languages of the page. Wire terms (session_key, errcode, js_code) stay as they are in both. */

import { Store, remembered } from './store'

export type Lang = 'en' | 'zh'

const saved = remembered<Lang>('wxmock.lang')

export const lang = new Store<Lang>(
  saved.get() ?? (navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'),
)

const apply = () => {
  document.documentElement.lang = lang.get() === 'zh' ? 'zh-CN' : 'en'
}
apply()
lang.subscribe(() => {
  saved.set(lang.get())
  apply()
})

/** The text in the language chosen now. */
export const t = (en: string, zh: string): string => (lang.get() === 'zh' ? zh : en)

/** The description of the API, in the language chosen now. */
export const described = (): string => (lang.get() === 'zh' ? '/_mock/openapi.json?lang=zh' : '/_mock/openapi.json')

/** One of two texts the mock sent. */
export const ofBoth = (both: { en: string | null; zh: string | null }): string | null => both[lang.get()]
