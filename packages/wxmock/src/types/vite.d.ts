/** What the plugin needs to know. */
export interface ViteOptions {
  /** Base URL of the mock. Default: `WXMOCK_SERVER`, `WXMOCK_URL`; without any, the plugin does nothing. */
  server?: string
  /** Appid or name of the mini program. Default: `WXMOCK_APPID`, else the mock's only app. */
  app?: string
}

/** Binds `uni.login` and its like to the phone before the framework does, and puts the script into the page. */
export default function wxmock(options?: ViteOptions): { name: string; enforce: 'pre' }
